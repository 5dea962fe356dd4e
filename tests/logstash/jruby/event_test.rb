# frozen_string_literal: true

# What is known of Logstash's events, by name: each is true of Logstash 9.5's, and must be true of the stand-in.

# Logstash raises errors of Java here.
def fails
  yield
  false
rescue StandardError, java.lang.Exception
  true
end

EVENT_FACTS = {
  "a field is read by its name and by a reference" => lambda {
    event = LogStash::Event.new("a" => { "b" => [1, { "c" => 2 }] })
    event.get("a") == { "b" => [1, { "c" => 2 }] } && event.get("[a][b][1][c]") == 2 && event.get("[a][x][y]").nil?
  },
  "a name with brackets is a field of its own, and no reference" => lambda {
    event = LogStash::Event.new("a[b]" => 1, "" => 2, "a.b" => 3)
    event.to_hash.slice("a[b]", "", "a.b") == { "a[b]" => 1, "" => 2, "a.b" => 3 } && event.get("a.b") == 3
  },
  "a wrong reference is an error" => lambda {
    begin
      LogStash::Event.new.get("a[b]")
      false
    rescue RuntimeError => error
      error.message == "Invalid FieldReference: `a[b]`"
    end
  },
  "what goes in and comes out are copies" => lambda {
    given = { "b" => "x" }
    event = LogStash::Event.new("a" => given)
    given["b"] = "y"
    event.get("a")["b"] = "z"
    event.to_hash["a"]["b"] = "z"
    event.get("[a][b]") == "x"
  },
  "set makes the objects on its way" => lambda {
    event = LogStash::Event.new
    event.set("[a][b]", 1)
    event.get("a") == { "b" => 1 }
  },
  "set under a text is an error" => lambda {
    fails { LogStash::Event.new("a" => "x").set("[a][b]", 1) }
  },
  "remove gives what was there" => lambda {
    event = LogStash::Event.new("a" => { "b" => 1, "c" => 2 })
    event.remove("[a][b]") == 1 && event.get("a") == { "c" => 2 } && event.remove("x").nil?
  },
  "a field that is null is there" => lambda {
    event = LogStash::Event.new("a" => nil)
    event.include?("a") && !event.include?("b") && event.get("a").nil?
  },
  "metadata is beside the fields" => lambda {
    event = LogStash::Event.new("@metadata" => { "a" => { "b" => 1 } })
    event.get("[@metadata][a][b]") == 1 && !event.to_hash.key?("@metadata") &&
      event.to_hash_with_metadata["@metadata"] == { "a" => { "b" => 1 } } &&
      event.get("@metadata") == { "a" => { "b" => 1 } }
  },
  "metadata can be set and removed" => lambda {
    event = LogStash::Event.new
    event.set("[@metadata][a]", 1)
    event.remove("[@metadata][a]") == 1 && !event.include?("[@metadata][a]")
  },
  "metadata that is no object is refused" => lambda {
    fails { LogStash::Event.new("@metadata" => 1) }
  },
  "every event has a version and a time" => lambda {
    event = LogStash::Event.new
    event.get("@version") == "1" && event.timestamp.is_a?(LogStash::Timestamp)
  },
  "a version that was given stays, and one can be removed" => lambda {
    event = LogStash::Event.new("@version" => "2")
    event.get("@version") == "2" && event.remove("@version") == "2" && !event.to_hash.key?("@version")
  },
  "a text becomes a time with at least three digits" => lambda {
    times = %w[2026-11-23T10:00:00Z 2026-11-23T10:00:00.120Z 2026-11-23T11:00:00.000001+01:00]
    times.map { |time| LogStash::Event.new("@timestamp" => time).timestamp.to_s } ==
      %w[2026-11-23T10:00:00.000Z 2026-11-23T10:00:00.120Z 2026-11-23T10:00:00.000001Z]
  },
  "what is no time is kept aside with a tag" => lambda {
    [["x", 5, { "a" => 1 }], ["2026-13-01T00:00:00Z"]].flatten.all? do |given|
      event = LogStash::Event.new("@timestamp" => given)
      event.get("tags") == ["_timestampparsefailure"] && event.get("_@timestamp") == given
    end
  },
  "the time is set as a time only" => lambda {
    fails { LogStash::Event.new.set("@timestamp", "2026-11-23T10:00:00Z") }
  },
  "tags that are no texts are kept aside" => lambda {
    event = LogStash::Event.new("tags" => { "a" => 1 })
    event.get("tags") == ["_tagsparsefailure"] && event.get("_tags") == [{ "a" => 1 }]
  },
  "tags that are null are kept aside too" => lambda {
    event = LogStash::Event.new("tags" => nil)
    event.get("tags") == ["_tagsparsefailure"] && event.get("_tags") == [nil]
  },
  "tags that are texts stay" => lambda {
    ["a", [], %w[a b]].all? { |tags| LogStash::Event.new("tags" => tags).to_hash["tags"] == tags }
  },
  "setting tags that are no texts is an error" => lambda {
    fails { LogStash::Event.new.set("tags", { "a" => 1 }) }
  },
  "a tag is added once" => lambda {
    event = LogStash::Event.new("tags" => "a")
    2.times { event.tag("b") }
    event.get("tags") == %w[a b]
  },
  "the fields behind can be put past the guards" => lambda {
    event = LogStash::Event.new
    event.to_java.getData.put("tags", { "a" => 1 })
    event.to_hash["tags"] == { "a" => 1 }
  },
  "a clone is another event" => lambda {
    event = LogStash::Event.new("a" => { "b" => 1 }, "@metadata" => { "m" => 1 })
    other = event.clone
    other.set("[a][b]", 2)
    other != event && event.get("[a][b]") == 1 && other.get("[@metadata][m]") == 1
  },
  "an event is cancelled and taken back" => lambda {
    event = LogStash::Event.new
    event.cancel
    cancelled = event.cancelled?
    event.uncancel
    cancelled && !event.cancelled?
  },
  "numbers stay what they are" => lambda {
    values = [1, 2**70, 1.5, -0.0, true, nil]
    LogStash::Event.new("a" => values).get("a") == values
  }
}.freeze
