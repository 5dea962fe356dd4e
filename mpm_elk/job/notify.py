"""The last step of a run: tell people what happened to alerts."""

from elasticsearch import Elasticsearch

from mpm_elk.alerts.outbox import Outbox
from mpm_elk.alerts.send import send
from mpm_elk.cluster.leases import Lease
from mpm_elk.config import Config
from mpm_elk.errors import LeaseHeldError, MpmError
from mpm_elk.job.report import ModelReport
from mpm_elk.rules.defaults import rules_of


def notify(client: Elasticsearch, config: Config, report: ModelReport, now: int, run_id: str) -> None:
    """Decide on and send what is to be told of one model; what fails is reported, and tried again by the next run."""
    if not config.notifications.channels:
        return
    model = report.model
    rules = {rule.id: rule for rule in rules_of(config) if rule.matches(model.name)}
    outbox = Outbox(client, model, rules, config.notifications, now, run_id, config.mute)
    name = f"notifications:{model.environment}:{model.name}"
    try:
        outcome = outbox.run(lambda: Lease(client, name, run_id, config.job.lease), send)
    except LeaseHeldError:
        return  # the run that holds it sends what there is
    except MpmError as error:
        report.notice(f"notifications: {error}")
        report.error = report.error or error
        return
    report.notifications = dict(outcome.counts)
    for text in outcome.notices:
        report.notice(text)
