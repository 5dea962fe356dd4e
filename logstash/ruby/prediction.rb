# frozen_string_literal: true

# Makes a prediction's document of the text of its event (`message`). What cannot be accepted goes on to quarantine.

require_relative "mpm/intake"
require_relative "mpm/prediction"

def register(params)
  @limits = MPM::Limits.from(params)
end

def filter(event)
  MPM::Intake.normalise(event) do |raw, about|
    MPM::Prediction.normalise(raw, now_ms: MPM::Intake.received(about), limits: @limits)
  end
end

test "an event" do
  parameters { { "max_age" => "400d", "max_ahead" => "1h" } }

  in_event do
    {
      "message" => '{"@timestamp":"2026-11-23T10:00:00Z","mpm":{"model":{"name":"credit-risk","version":3},' \
                   '"prediction":{"id":"p-1","score":0.25},"features":{"income":51000,"purpose":"car","gap":NaN}}}',
      "host" => { "name" => "web-1" },
      "@metadata" => { "mpm" => { "kind" => "prediction", "source" => "a.log", "received" => 1_795_435_200_000 } }
    }
  end

  expect("is stored in its model's index of the month") do |events|
    about = events.first.get("[@metadata][mpm]")
    about["index"] == "mpm-predictions-v1-credit_risk-production-2026.11" && about["id"].length == 43
  end

  expect("has its features by type") do |events|
    events.first.get("[mpm][features]") == {
      "numeric" => { "income" => 51_000 }, "categorical" => { "purpose" => "car" }
    } && events.first.get("[mpm][features_invalid]") == ["gap"]
  end

  expect("holds nothing of Logstash") do |events|
    events.length == 1 && events.first.to_hash.keys.sort == %w[@timestamp ecs event mpm service]
  end

  expect("keeps its text for the dead-letter queue") do |events|
    events.first.get("[@metadata][mpm][raw]").include?('"gap":NaN')
  end
end

test "an event without a version" do
  parameters { {} }

  in_event do
    {
      "message" => '{"@timestamp":1795428000,"mpm":{"model":{"name":"m"},"prediction":{"id":"p","score":1}}}',
      "@metadata" => { "mpm" => { "kind" => "prediction", "received" => 1_795_435_200_000 } }
    }
  end

  expect("goes to quarantine with the reason") do |events|
    about = events.first.get("[@metadata][mpm]")
    about["kind"] == "quarantine" && about["rejected"] == {
      "code" => "missing_field", "reason" => "`mpm.model.version` is missing"
    }
  end

  expect("keeps its text") { |events| events.first.get("message").start_with?('{"@timestamp":1795428000') }
end

test "an event with fields that Logstash treats in its own way" do
  parameters { { "pool" => "small" } }

  in_event do
    {
      "message" => '{"@timestamp":1795428000,"@version":"1","@metadata":[1],"tags":["a"],"a[b]":2,"mpm":{"model":' \
                   '{"name":"m","version":"1"},"prediction":{"id":"p","score":1}}}',
      "@metadata" => { "mpm" => { "kind" => "prediction", "received" => 1_795_435_200_000 } }
    }
  end

  expect("keeps what is the service's") do |events|
    fields = events.first.to_hash
    fields.slice("tags", "a[b]") == { "tags" => ["a"], "a[b]" => 2 }
  end

  expect("holds nothing that was Logstash's") do |events|
    (events.first.to_hash.keys & %w[@version @metadata message]).empty?
  end

  expect("is in the pool's index") do |events|
    events.first.get("[@metadata][mpm][index]") == "mpm-predictions-v1-small-production-2026.11"
  end
end
