# frozen_string_literal: true

require_relative "timestamps"

module MPM
  # Index names: mpm_elk/contract/names.py.
  module Names
    PREDICTIONS = "mpm-predictions-v1"
    GROUND_TRUTH = "mpm-ground-truth-v1"
    CAPTURES = "mpm-captures-v1"
    QUARANTINE = "mpm-quarantine-v1"

    module_function

    # Turn a text into one part of an index name, so that parts cannot run together and no name can leave its place.
    def part(text)
      text.downcase(:ascii).gsub(/[^a-z0-9_]/, "_")
    end

    # `mpm-predictions-v1-credit_risk-production-2026.11`
    def monthly(root, model, environment, ms)
      "#{root}-#{part(model)}-#{part(environment)}-#{Timestamps.month(ms)}"
    end

    # `mpm-quarantine-v1-2026.11`
    def dated(root, ms)
      "#{root}-#{Timestamps.month(ms)}"
    end
  end
end
