# frozen_string_literal: true

# Takes what an input read (`message`) apart into single events, and says of what kind each is: see mpm/events.rb.

require_relative "mpm/intake"

def register(params)
  @limits = MPM::Limits.from(params)
end

def filter(event)
  MPM::Intake.receive(event, @limits)
end

test "the body of a request with several lines" do
  parameters { { "max_line_bytes" => "200" } }

  in_event do
    {
      "message" => "{\"mpm\":{\"prediction\":{}}}\n\n{\"mpm.ground_truth.value\":\"\u00E9\"}\nGET /\n[{\"mpm\"\n",
      "url" => { "path" => "/events" },
      "host" => { "ip" => "192.0.2.1" },
      "@metadata" => { "mpm" => { "input" => "http" } }
    }
  end

  expect("gives an event for each") do |events|
    events.map { |event| event.get("[@metadata][mpm][kind]") } == %w[prediction ground_truth passed quarantine]
  end

  expect("keeps every byte as a character") do |events|
    events[1].get("message") == "{\"mpm.ground_truth.value\":\"\u00C3\u00A9\"}"
  end

  expect("notes where each came from") do |events|
    about = events.last.get("[@metadata][mpm]")
    about["source"] == "192.0.2.1/events" && about["path"] == "/events" && about["line"] == 5
  end

  expect("gives the reason") do |events|
    events.last.get("[@metadata][mpm][rejected]") == {
      "code" => "invalid_json", "reason" => "the line is not JSON: '{\"mpm\"'"
    }
  end
end

test "a CloudEvent in binary mode" do
  parameters { {} }

  in_event do
    {
      "message" => "[1]\n[2]",
      "@metadata" => {
        "mpm" => { "input" => "http" },
        "input" => {
          "http" => {
            "request" => { "headers" => { "ce_specversion" => "1.0", "ce_id" => "a", "content_type" => "a/b" } }
          }
        }
      }
    }
  end

  expect("is one capture") do |events|
    events.length == 1 && events.first.get("[@metadata][mpm][kind]") == "capture" &&
      events.first.get("message") == "[1]\n[2]"
  end

  expect("keeps its headers") do |events|
    events.first.get("[@metadata][mpm][headers]") == {
      "ce-specversion" => "1.0", "ce-id" => "a", "content-type" => "a/b"
    }
  end
end

test "an event that Filebeat has parsed" do
  parameters { {} }

  in_event do
    {
      "@timestamp" => "2026-11-23T10:00:00.000Z", "message" => "scored",
      "mpm" => { "model" => { "name" => "caf\u00E9" } },
      "log" => { "file" => { "path" => "/var/log/a.log" } }, "host" => { "name" => "web-1" },
      "event" => { "original" => "scored" }, "tags" => ["beats_input_codec_plain_applied"],
      "@metadata" => { "mpm" => { "input" => "beats" } }
    }
  end

  expect("is what was logged") do |events|
    events.first.get("[@metadata][mpm][kind]") == "prediction" &&
      events.first.get("message").include?("{\"model\":{\"name\":\"caf\u00C3\u00A9\"}}") &&
      events.first.get("message").include?('"@timestamp":"2026-11-23T10:00:00.000Z"')
  end

  expect("has no traces of the input") do |events|
    !events.first.get("message").match?(/original|tags|@version/)
  end

  expect("came from a file of a host") do |events|
    events.first.get("[@metadata][mpm][source]") == "web-1:/var/log/a.log"
  end
end

test "a body that was not UTF-8" do
  parameters { {} }

  in_event do
    {
      "message" => "{\"mpm\":{\"a\":\"\uFFFD\"}}\n{\"mpm\":{}}",
      "@metadata" => {
        "mpm" => { "input" => "http" },
        "input" => { "http" => { "request" => { "headers" => { "content_length" => "26" } } } }
      }
    }
  end

  expect("is not taken with a wrong character in it") do |events|
    events.map { |event| event.get("[@metadata][mpm][kind]") } == %w[quarantine prediction] &&
      events.first.get("[@metadata][mpm][rejected][code]") == "invalid_utf8"
  end
end

test "nothing but white space" do
  parameters { {} }
  in_event { { "message" => " \r\n", "@metadata" => { "mpm" => { "input" => "file" } } } }
  expect("gives nothing") { |events| events.empty? }
end
