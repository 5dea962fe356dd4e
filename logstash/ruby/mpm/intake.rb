# frozen_string_literal: true

require_relative "events"
require_relative "origin"
require_relative "platforms/cloudevents"
require_relative "quarantine"
require_relative "reasons"
require_relative "receive"
require_relative "timestamps"
require_relative "refusal"
require_relative "writing"

module MPM
  # What the ruby filters do with one event. Nothing is raised: what fails goes to quarantine.
  module Intake
    QUARANTINE = "quarantine"
    # A fault of ours, in Ruby or in Java; a lack of memory is not caught.
    FAULTS = [StandardError, java.lang.Exception, java.lang.StackOverflowError].freeze
    BEATS_TAG = "beats_input_codec_plain_applied"
    HEADERS_KEPT = /\A(?:ce-|content-type\z)/
    private_constant :QUARANTINE, :FAULTS, :BEATS_TAG, :HEADERS_KEPT

    module_function

    # Take the text of a request, a file or a stream apart; give an event for each raw event in it.
    def receive(event, limits)
      given = Events.about(event)
      path = Origin.path(event, given)
      about = {
        "received" => Events.now_ms, "source" => Origin.source(event, given, path), "path" => path
      }.compact
      parsed = parsed_by_input(event, given)
      return [classified(Writing.json(parsed).b, about, limits)] if parsed

      take_apart(event, Origin.body(event, given), about, limits)
    rescue *FAULTS => error
      [unexpected(event, error)]
    end

    # Make the document of a raw event; the block gives it from the bytes and what is known about them.
    def normalise(event)
      about = Events.about(event)
      raw = Events.bytes(event, about)
      begin
        stored = yield raw, about
        # A queue may have held it: from now on others can see it, and by this they tell what was known when.
        stored.document["event"]["ingested"] = Timestamps.iso(Events.now_ms)
        # A CloudEvent in binary mode is kept with its headers, so that a retry needs none.
        raw = Platforms::CloudEvents.structured(about["headers"], raw) if about["headers"]
        [Events.document(stored, about.except("headers", "encoding").merge("raw" => Events.characters(raw)))]
      rescue Rejected => rejected
        raw = Platforms::CloudEvents.structured(about["headers"], raw) if about["headers"]
        [rejected(raw, about, rejected)]
      end
    rescue *FAULTS => error
      [unexpected(event, error)]
    end

    # Make the quarantine document of a rejected event.
    def quarantine(event)
      about = Events.about(event)
      given = about["rejected"] || {}
      stored = Quarantine.document(
        Events.bytes(event, about),
        code: given["code"] || "unexpected", reason: given["reason"] || "no reason was given",
        source: about["source"], line: about["line"], now_ms: received(about)
      )
      [Events.document(stored, about.slice("kind", "source"))]
    rescue *FAULTS => error
      [last_resort(event, error)]
    end

    # Make a rejected event of a document that Elasticsearch refused for good.
    def refused(event)
      about = Events.about(event)
      # What another pipeline wrote has no text: then the document itself is kept.
      raw = if about.key?("raw")
              Events.bytes(event, { "encoding" => Events::BYTES }, "#{Events::ABOUT}[raw]")
            else
              Writing.json(event.to_hash).b
            end
      reason = Refusal.read(event.get("[@metadata][dead_letter_queue][reason]").to_s)
      [rejected(raw, about.except("index", "id", "raw"), Rejected.new("refused_by_elasticsearch", found: reason))]
    rescue *FAULTS => error
      [unexpected(event, error)]
    end

    # Give the time when an event arrived: however long a queue held it, it is judged by that.
    def received(about)
      about["received"] || Events.now_ms
    end

    def take_apart(event, body, about, limits)
      headers = Origin.headers(event)
      lossy = Origin.lossy?(headers, body)
      if lossy && Platforms::CloudEvents.binary?(headers)
        return [rejected(Platforms::CloudEvents.structured(headers, body), about, not_utf8(body))]
      end
      if Platforms::CloudEvents.binary?(headers)
        kept = headers.select { |name, _| HEADERS_KEPT.match?(name) }
        return [Events.raw(body, about.merge("kind" => Receive::CAPTURE, "line" => 1, "headers" => kept))]
      end
      Receive.split(body, headers["content-type"]).map do |raw, line|
        here = about.merge("line" => line)
        made = classified(raw, here, limits)
        damaged = lossy && raw.include?(Origin::REPLACEMENT) && Events.about(made)["kind"] != Receive::PASSED
        damaged ? rejected(raw, here, not_utf8(raw)) : made
      end
    end
    private_class_method :take_apart

    # What the byte was is not known any more.
    def not_utf8(bytes)
      Rejected.new("invalid_utf8", found: "0x??", position: bytes.byteindex(Origin::REPLACEMENT) + 1)
    end
    private_class_method :not_utf8

    # Some inputs parse lines themselves: then the event is what was logged.
    def parsed_by_input(event, given)
      return unless given["input"].nil? || given["input"] == "beats"

      fields = event.to_hash
      return unless fields.any? { |name, value| (name == "mpm" && !value.nil?) || name.start_with?("mpm.") }

      without_traces(fields.except("@version", "@metadata"))
    end
    private_class_method :parsed_by_input

    # The beats input leaves a tag, and a copy of `message`.
    def without_traces(fields)
      original = fields["event"].is_a?(Hash) && fields["event"]["original"]
      fields["event"].delete("original") if original && original == fields["message"]
      fields.delete("event") if fields["event"] == {}
      tags = Array(fields["tags"]) - [BEATS_TAG]
      tags.empty? ? fields.except("tags") : fields.merge("tags" => tags)
    end
    private_class_method :without_traces

    def classified(raw, about, limits)
      kind = Receive.kind(raw, limits)
      # Nobody reads the text of what passes by.
      Events.raw(kind == Receive::PASSED ? "".b : raw, about.merge("kind" => kind))
    rescue Rejected => rejected
      rejected(raw, about, rejected)
    rescue *FAULTS => error
      rejected(raw, about, fault(error))
    end
    private_class_method :classified

    def rejected(raw, about, rejected)
      verdict = { "code" => rejected.code, "reason" => rejected.reason }
      Events.raw(raw, about.except("headers").merge("kind" => QUARANTINE, "rejected" => verdict))
    end
    private_class_method :rejected

    def unexpected(event, error)
      about = Events.about(event)
      rejected(Events.bytes(event, about), about, fault(error))
    end
    private_class_method :unexpected

    # Behind the quarantine there is nothing: keep the text, whatever else is wrong.
    def last_resort(event, error)
      rejected = fault(error)
      stored = Quarantine.document(
        Events.bytes(event, { "encoding" => Events::BYTES }),
        code: rejected.code, reason: rejected.reason, source: nil, line: nil, now_ms: Events.now_ms
      )
      Events.document(stored, { "kind" => QUARANTINE })
    end
    private_class_method :last_resort

    def fault(error)
      Rejected.new("unexpected", found: Show.name(Utf8.lenient("#{error.class.name}: #{error.message}")))
    end
    private_class_method :fault
  end
end
