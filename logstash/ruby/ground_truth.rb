# frozen_string_literal: true

# Makes the document of a ground truth event of its text (`message`). What cannot be accepted goes on to quarantine.

require_relative "mpm/ground_truth"
require_relative "mpm/intake"

def register(params)
  @limits = MPM::Limits.from(params)
end

def filter(event)
  MPM::Intake.normalise(event) do |raw, about|
    MPM::GroundTruth.normalise(raw, now_ms: MPM::Intake.received(about), limits: @limits)
  end
end

test "ground truth" do
  parameters { {} }

  in_event do
    {
      "message" => '{"@timestamp":"2026-11-23T10:00:00Z","mpm.model.name":"credit-risk","mpm":{"prediction":' \
                   '{"id":"p-1"},"ground_truth":{"value":true}}}',
      "@metadata" => { "mpm" => { "kind" => "ground_truth", "received" => 1_795_435_200_000 } }
    }
  end

  expect("is stored in its model's index of the month") do |events|
    events.first.get("[@metadata][mpm][index]") == "mpm-ground-truth-v1-credit_risk-production-2026.11"
  end

  expect("has the truth as a text") { |events| events.first.get("[mpm][ground_truth][value]") == "true" }
end

test "ground truth of nothing" do
  parameters { {} }

  in_event do
    {
      "message" => '{"@timestamp":"2026-11-23T10:00:00Z","mpm":{"model":{"name":"m"},"ground_truth":{"value":1}}}',
      "@metadata" => { "mpm" => { "kind" => "ground_truth", "received" => 1_795_435_200_000 } }
    }
  end

  expect("goes to quarantine") do |events|
    events.first.get("[@metadata][mpm][rejected][code]") == "missing_reference"
  end
end
