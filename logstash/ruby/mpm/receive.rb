# frozen_string_literal: true

require_relative "brackets"
require_relative "capture"
require_relative "checks"
require_relative "json"
require_relative "limits"
require_relative "reasons"

module MPM
  # Takes what arrives apart into single events, and tells of what kind each is: mpm_elk/intake/receive.py.
  module Receive
    BOM = "\xEF\xBB\xBF".b.freeze
    LINE_FEED = "\n"
    ARRAY = /\A\[[ \t\r\n]*\{/n
    LINES = %r{\Aapplication/(?:x-)?(?:ndjson|jsonl|jsonlines|json-lines)}i
    private_constant :BOM, :LINE_FEED, :ARRAY, :LINES

    PREDICTION = "prediction"
    GROUND_TRUTH = "ground_truth"
    CAPTURE = "capture"
    PASSED = "passed"

    module_function

    # Give the texts of a body's events, without white space around them, each with the number of its line.
    #
    # With line feeds in it, a body is one JSON value over several lines where that begins in the first line and does
    # not end there; otherwise, and where its content type says so, each line is by itself. An array of objects is its
    # elements.
    def split(body, content_type = nil)
      body = Brackets.strip(body.delete_prefix(BOM))
      return [] if body.empty?

      lines = body.include?(LINE_FEED) && (LINES.match?(content_type.to_s) || !spans_lines?(body))
      texts = lines ? body.split(LINE_FEED) : [body]
      texts.each_with_index.flat_map do |text, i|
        text = Brackets.strip(text)
        events = text.match?(ARRAY) ? Brackets.elements(text) : [text]
        events.reject(&:empty?).map { |event| [event, i + 1] }
      end
    end

    # Tell of what kind one event is, by its bytes; raises Rejected where it may be one and cannot be read.
    def kind(raw, limits)
      event = read(raw, limits)
      event.nil? ? PASSED : kind_of(event)
    end

    # Give an object; nil for what is none of ours, as a number or a text by itself is.
    def read(raw, limits)
      if raw.bytesize > limits.max_line_bytes
        raise Rejected.new("line_too_long", found: raw.bytesize, limit: limits.max_line_bytes)
      end

      value = Json.read(raw, depth: Limit::EVENT_DEPTH)
      return value if value.is_a?(Hash)

      raise Rejected.new("not_an_object", found: Show.value(value)) if value.is_a?(Array)
    rescue Rejected
      raise if may_be_ours?(raw)
    end
    private_class_method :read

    # An application's other lines pass by.
    def kind_of(event)
      Checks.undot_roots(event)
      unless event["mpm"].nil?
        return Checks.mpm_of(event)["ground_truth"].nil? ? PREDICTION : GROUND_TRUTH
      end

      Capture.capture?(event) ? CAPTURE : PASSED
    end
    private_class_method :kind_of

    # Tell whether a text that cannot be read may have been an event: it looks like JSON, or names `mpm`.
    def may_be_ours?(raw)
      raw.start_with?("{") || raw.match?(ARRAY) || raw.include?('"mpm')
    end
    private_class_method :may_be_ours?

    def spans_lines?(body)
      body.start_with?("[", "{") && !Brackets.ends?(body.byteslice(0, body.byteindex(LINE_FEED)))
    end
    private_class_method :spans_lines?
  end
end
