# frozen_string_literal: true

# Turns a document that Elasticsearch refused, read from a dead-letter queue, back into the event that it was made of,
# with Elasticsearch's reason.

require_relative "mpm/intake"

def filter(event)
  MPM::Intake.refused(event)
end

test "a refused document" do
  parameters { {} }

  in_event do
    {
      "mpm" => { "model" => { "name" => "m" } },
      "@metadata" => {
        "mpm" => {
          "kind" => "prediction", "index" => "i", "id" => "x", "raw" => "{\"a\":\"\u00C3\u00A9\"}", "source" => "a.log"
        },
        "dead_letter_queue" => {
          "reason" => 'Could not index event to Elasticsearch. status: 400, action: ["create", {_id: "x"}, {}], ' \
                      'response: {"create" => {"status" => 400, "error" => {"type" => "document_parsing_exception", ' \
                      '"reason" => "[1:9] failed to parse field [a]", "caused_by" => {"type" => "x", ' \
                      '"reason" => "For input string: \"b\""}}}}'
        }
      }
    }
  end

  expect("goes to quarantine as it came") do |events|
    about = events.first.get("[@metadata][mpm]")
    events.first.get("message") == "{\"a\":\"\u00C3\u00A9\"}" && about["kind"] == "quarantine" && !about.key?("index")
  end

  expect("has Elasticsearch's reason") do |events|
    events.first.get("[@metadata][mpm][rejected][reason]") ==
      'Elasticsearch refuses the document: [1:9] failed to parse field [a]: For input string: "b"'
  end
end

test "a document whose text is not there" do
  parameters { {} }
  in_event { { "a" => 1, "@metadata" => { "dead_letter_queue" => { "reason" => "no such index" } } } }

  expect("goes to quarantine itself") do |events|
    events.first.get("message").include?('"a":1') &&
      events.first.get("[@metadata][mpm][rejected][reason]") == "Elasticsearch refuses the document: no such index"
  end
end
