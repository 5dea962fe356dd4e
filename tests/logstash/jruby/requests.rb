# frozen_string_literal: true

require_relative "script"

SCRIPTS = File.expand_path("../../../logstash/ruby", __dir__)
%w[events ids names writing].each { |name| require File.join(SCRIPTS, "mpm", name) }

# The pipelines of the bundle, without queues.
class Pipelines
  NORMALISERS = %w[prediction ground_truth capture].freeze

  def initialize(params)
    @receive = script("receive", params.slice("max_line_bytes"))
    @normalise = NORMALISERS.to_h { |kind| [kind, script(kind, params)] }
    @quarantine = script("quarantine", {})
  end

  # Give the documents that one event of an input becomes.
  def run(event)
    outcome = { "stored" => [], "quarantined" => [], "passed" => 0 }
    @receive.filter(event).each { |received| take(received, outcome) }
    outcome
  end

  private

  def script(name, params)
    Script.new(File.join(SCRIPTS, "#{name}.rb")).tap { |script| script.register(params) }
  end

  def take(event, outcome)
    case kind = event.get("[@metadata][mpm][kind]")
    when "passed" then outcome["passed"] += 1
    when "quarantine" then outcome["quarantined"].concat(@quarantine.filter(event).map { |made| document(made) })
    else
      @normalise.fetch(kind).filter(event).each do |made|
        if made.get("[@metadata][mpm][kind]") == "quarantine"
          take(made, outcome)
        else
          outcome["stored"] << document(made)
        end
      end
    end
  end

  def document(event)
    about = event.get("[@metadata][mpm]")
    { "index" => about.fetch("index"), "id" => about.fetch("id"), "document" => event.to_hash }
  end
end

# What each of Logstash's inputs makes of a text, with the bundle's settings.
module Inputs
  module_function

  def event(via, path, headers, bytes)
    input = via == "line" ? "file" : via
    fields = { "message" => message(input, bytes, named(headers)), "event" => { "original" => "as it came" } }
    fields.merge!(place(input, path))
    request = { "request" => { "headers" => named(headers) } }
    LogStash::Event.new(
      **fields, "@metadata" => { "mpm" => { "input" => input }, "input" => { input => request } }
    )
  end

  # The http input decodes a body by the charset of its content type, by UTF-8 where there is none.
  def message(input, bytes, headers)
    texts = input == "beats" || (input == "http" && !headers["content_type"].to_s.match?(/charset=iso-8859-1/i))
    return bytes.dup.force_encoding(Encoding::UTF_8).scrub("\u{FFFD}") if texts

    bytes.dup.force_encoding(Encoding::ISO_8859_1).encode(Encoding::UTF_8)
  end

  def place(input, path)
    case input
    when "http" then { "url" => { "path" => path }.compact, "host" => { "ip" => "192.0.2.1" } }
    when "file", "beats" then { "log" => { "file" => { "path" => path }.compact }, "host" => { "name" => "web-1" } }
    else {}
    end
  end

  def named(headers)
    headers.transform_keys { |name| name.downcase.tr("-", "_") }
  end
end

# The requests.
module Requests
  # The clock stands still, so that limits can be told beforehand.
  NOW = Struct.new(:ms).new
  MPM::Events.define_singleton_method(:now_ms) { NOW.ms || java.lang.System.currentTimeMillis }

  module_function

  def inline(request)
    Script.new(File.join(SCRIPTS, request.fetch("script"))).test
  end

  def event_facts(_request)
    EVENT_FACTS.transform_values do |fact|
      fact.call == true
    rescue StandardError => error
      "#{error.class}: #{error.message}"
    end
  end

  def vectors(request)
    given = request.fetch("vectors")
    texts = given.fetch("digests").map { |one| one.fetch("texts") }
    keys = %w[environment model version prediction timestamp_ms]
    predictions = given.fetch("predictions").map { |one| one.values_at(*keys) }
    indices = given.fetch("indices").map { |one| one.values_at("root", "model", "environment", "timestamp_ms") }
    {
      "parts" => given.fetch("parts").map { |one| MPM::Names.part(one.fetch("text")) },
      "indices" => indices.map { |one| MPM::Names.monthly(*one) },
      "canonical" => texts.map { |list| MPM::Ids.canonical(*list).unpack1("H*") },
      "digests" => texts.map { |list| MPM::Ids.digest(*list) },
      "ids" => predictions.map { |one| MPM::Ids.prediction_id(*one) },
      "buckets" => predictions.map { |one| MPM::Ids.bucket(one[3]) }
    }
  end

  # Run texts through all scripts; each case is {via, path, headers, texts (base64)}.
  def cases(request)
    NOW.ms = request["now_ms"]
    pipelines = Hash.new { |made, params| made[params] = Pipelines.new(params) }
    request.fetch("cases").map do |given|
      outcomes = given.fetch("texts").map do |text|
        event = Inputs.event(given.fetch("via"), given["path"], given["headers"] || {}, text.unpack1("m0"))
        pipelines[request.fetch("params").merge(given["params"] || {})].run(event)
      end
      outcomes.reduce { |all, one| all.merge(one) { |_, before, after| before + after } }
    end
  ensure
    NOW.ms = nil
  end
end
