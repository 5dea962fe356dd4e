# frozen_string_literal: true

# Makes the quarantine document of a rejected event (`message`, and why in `[@metadata][mpm][rejected]`).

require_relative "mpm/intake"

def filter(event)
  MPM::Intake.quarantine(event)
end

test "a rejected event" do
  parameters { {} }

  in_event do
    {
      "message" => "{\"mpm\":\"\u00C3\u00A9\"}",
      "@metadata" => {
        "mpm" => {
          "kind" => "quarantine", "encoding" => "bytes", "source" => "a.log", "line" => 7,
          "received" => 1_795_435_200_000,
          "rejected" => { "code" => "wrong_type", "reason" => "`mpm` must be an object, and is '\u00E9'" }
        }
      }
    }
  end

  expect("is kept as it came") { |events| events.first.get("[event][original]") == "{\"mpm\":\"\u00E9\"}" }

  expect("has its reason and its place") do |events|
    events.first.get("[error][message]") == "`mpm` must be an object, and is '\u00E9'" &&
      events.first.get("[mpm][quarantine]") == {
        "state" => "open", "reason_code" => "wrong_type", "source" => "a.log", "line" => 7, "bytes" => 12,
        "updated" => "2026-11-23T12:00:00.000Z", "attempts" => 0
      }
  end

  expect("is stored in the month's index") do |events|
    events.first.get("[@metadata][mpm][index]") == "mpm-quarantine-v1-2026.11"
  end
end

test "bytes that are no text" do
  parameters { {} }
  in_event { { "message" => "\u00FF", "@metadata" => { "mpm" => { "encoding" => "bytes" } } } }
  expect("are kept in base64") { |events| events.first.get("[mpm][quarantine][raw_base64]") == "/w==" }
end

test "a rejection that makes no sense" do
  parameters { {} }
  in_event { { "message" => "{}", "@metadata" => { "mpm" => { "encoding" => "bytes", "rejected" => 5 } } } }

  expect("is kept all the same") do |events|
    events.first.get("[event][original]") == "{}" &&
      events.first.get("[@metadata][mpm][index]").start_with?("mpm-quarantine-v1-") &&
      events.first.get("[mpm][quarantine][reason_code]") == "unexpected"
  end
end
