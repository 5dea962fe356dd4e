# frozen_string_literal: true

# Makes the document of a payload of another platform (`message`). What cannot be accepted goes on to quarantine.

require_relative "mpm/capture"
require_relative "mpm/intake"

def register(params)
  @limits = MPM::Limits.from(params)
end

def filter(event)
  MPM::Intake.normalise(event) do |raw, about|
    facts = { source: about["path"], now_ms: MPM::Intake.received(about), limits: @limits }
    if about["headers"]
      MPM::Capture.of_request(about["headers"], raw, **facts)
    else
      MPM::Capture.of_event(raw, **facts)
    end
  end
end

test "a CloudEvent in binary mode" do
  parameters { {} }

  in_event do
    {
      "message" => "{\"instances\": [[1]]}",
      "@metadata" => {
        "mpm" => {
          "kind" => "capture", "path" => "/", "received" => 1_795_435_200_000, "encoding" => "bytes",
          "headers" => {
            "ce-specversion" => "1.0", "ce-id" => "c-1", "ce-type" => "org.kubeflow.serving.inference.request",
            "ce-namespace" => "lending", "ce-inferenceservicename" => "credit-risk",
            "content-type" => "application/json"
          }
        }
      }
    }
  end

  expect("is stored with its call and its endpoint") do |events|
    capture = events.first.get("[mpm][capture]")
    capture["call"] == { "id" => "c-1" } && capture["endpoint"] == "lending/credit-risk" && capture["part"] == "request"
  end

  expect("keeps the payload as it came") do |events|
    events.first.get("[mpm][capture][payload]") == '{"instances": [[1]]}'
  end

  expect("keeps its headers for the dead-letter queue") do |events|
    events.first.get("[@metadata][mpm][raw]").start_with?('{"data_base64":"eyJpbnN0YW5jZXMiOiBbWzFdXX0=",')
  end
end

test "a CloudEvent of an unknown type" do
  parameters { {} }

  in_event do
    {
      "message" => "\u00FF",
      "@metadata" => {
        "mpm" => {
          "kind" => "capture", "encoding" => "bytes", "received" => 1_795_435_200_000,
          "headers" => { "ce-specversion" => "1.0", "ce-id" => "c-1", "ce-type" => "com.example" }
        }
      }
    }
  end

  expect("goes to quarantine with its headers in it") do |events|
    about = events.first.get("[@metadata][mpm]")
    about["rejected"]["code"] == "unknown_event_type" && !about.key?("headers") &&
      events.first.get("message") == '{"data_base64":"/w==","id":"c-1","specversion":"1.0","type":"com.example"}'
  end
end

test "a line of SageMaker" do
  parameters { {} }

  in_event do
    {
      "message" => '{"captureData":{"endpointInput":{},"endpointOutput":{}},"eventMetadata":{"eventId":"e-1",' \
                   '"inferenceTime":"2026-11-23T10:00:00Z"},"eventVersion":"0"}',
      "@metadata" => {
        "mpm" => { "path" => "s3/risk/AllTraffic/2026/11/23/10/a.jsonl", "received" => 1_795_435_200_000 }
      }
    }
  end

  expect("has its endpoint by the path") do |events|
    events.first.get("[mpm][capture][endpoint]") == "risk/AllTraffic" &&
      events.first.get("[@metadata][mpm][index]") == "mpm-captures-v1-sagemaker-2026.11"
  end
end

test "an event that nobody thought of" do
  parameters { {} }
  in_event { { "message" => "{}", "@metadata" => { "mpm" => { "headers" => 5, "encoding" => "bytes" } } } }

  expect("goes to quarantine as it came") do |events|
    events.first.get("[@metadata][mpm][rejected][code]") == "unexpected" && events.first.get("message") == "{}"
  end
end
