# frozen_string_literal: true

require_relative "utf8"

module MPM
  # Why an event is not accepted: the codes and sentences of mpm_elk/intake/reasons.py, word for word.
  REASONS = {
    "line_too_long" => "the line holds %{found} bytes, and %{limit} are allowed",
    "invalid_utf8" => "the line is not UTF-8: byte %{found} at position %{position}",
    "invalid_json" => "the line is not JSON: %{found}",
    "not_an_object" => "the line is JSON, but no object: %{found}",
    "too_deep" => "%{field} nests deeper than %{limit} levels",
    "lone_surrogate" => "`%{field}` holds half a surrogate pair, which no UTF-8 text can hold: %{found}",
    "not_an_event" => "the line holds no `mpm` object, and is no capture of a known platform: %{found}",
    "wrong_format" => "the line is no record of %{wanted}: %{found}",
    "unknown_event_type" => "`ce-type` is %{found}, which no known platform sends",
    "missing_field" => "`%{field}` is missing",
    "missing_output" => "one of `mpm.prediction.score`, `.label`, `.probabilities`, `.value` is needed, " \
                        "unless `event.outcome` is `failure`",
    "missing_reference" => "one of `mpm.prediction.id`, `mpm.request.id` is needed",
    "empty_field" => "`%{field}` is empty",
    "wrong_type" => "`%{field}` must be %{wanted}, and is %{found}",
    "not_finite" => "`%{field}` must be a finite number, and is %{found}",
    "too_long" => "`%{field}` holds %{length} characters, and %{limit} are allowed: %{found}",
    "bad_name" => "`%{field}` holds a name that is empty or only white space: %{found}",
    "name_too_long" => "`%{field}` holds a name of %{length} characters, and %{limit} are allowed: %{found}",
    "name_clash" => "`%{field}` is there twice: once with dots in its name, once nested",
    "too_many_features" => "`mpm.features` holds %{found} features, and %{limit} are allowed",
    "bad_timestamp" => "`@timestamp` is no time: %{found}; ISO 8601, or seconds or milliseconds since 1970 are",
    "timestamp_too_old" => "`@timestamp` is %{found}, and before %{limit} nothing is accepted now",
    "timestamp_too_new" => "`@timestamp` is %{found}, and after %{limit} nothing is accepted now",
    "unexpected" => "the intake itself failed on this event: %{found}",
    "refused_by_elasticsearch" => "Elasticsearch refuses the document: %{found}"
  }.freeze

  # Characters of Elasticsearch's own sentence that are kept.
  REFUSAL_MAX = 500

  # An event that cannot be accepted: `code` is a key of REASONS, `reason` the sentence.
  class Rejected < StandardError
    attr_reader :code, :reason

    def initialize(code, **facts)
      @code = code
      @reason = REASONS.fetch(code).gsub(/%\{(\w+)\}/) { facts.fetch(Regexp.last_match(1).to_sym).to_s }
      super(@reason)
    end
  end

  # How found values are shown in a reason: in at most 80 characters, on one line, and encodable.
  module Show
    SHOWN_MAX = 80
    HUGE_BITS = 256
    SPACE = 0x20
    TYPES = java.lang.Character
    HIDDEN = [
      TYPES::CONTROL, TYPES::FORMAT, TYPES::SURROGATE, TYPES::PRIVATE_USE,
      TYPES::SPACE_SEPARATOR, TYPES::LINE_SEPARATOR, TYPES::PARAGRAPH_SEPARATOR
    ].freeze
    private_constant :SHOWN_MAX, :HUGE_BITS, :SPACE, :TYPES, :HIDDEN

    module_function

    def value(found)
      case found
      when String then "'#{name(found)}'"
      when nil then "null"
      when true, false then found.to_s
      when Hash then "an object"
      when Array then "an array"
      when Float then number(found)
      else found.bit_length < HUGE_BITS ? found.to_s : "a huge integer"
      end
    end

    # Show a text without quotes.
    def name(text)
      shown = Utf8.points(text, SHOWN_MAX + 1).map { |point| character(point) }.join
      shown.length <= SHOWN_MAX ? shown : "#{shown[0, SHOWN_MAX - 1]}…"
    end

    # Write a double as Python does: the fewest digits that give it back, with an exponent below 1e-4 and from 1e16 on.
    def number(double)
      return "NaN" if double.nan?
      return double.positive? ? "Infinity" : "-Infinity" if double.infinite?
      return (1 / double).positive? ? "0.0" : "-0.0" if double.zero?

      digits, point = decimal(double.abs)
      "#{'-' if double.negative?}#{place(digits, point)}"
    end

    # Give the shortest digits of a positive double, and the place of the point before which they stand.
    def decimal(double)
      mantissa, exponent = java.lang.Double.toString(double).split("E")
      whole, fraction = mantissa.split(".")
      padded = whole + fraction
      digits = padded.sub(/\A0+/, "")
      point = whole.length + exponent.to_i - (padded.length - digits.length)
      digits = digits.sub(/0+\z/, "")
      digits.length == 2 ? fewest(digits, point, double) : [digits, point]
    end

    # Java writes two digits at least, even where one is enough.
    def fewest(digits, point, double)
      below = digits[0].to_i
      nearest_first = digits[1] < "5" ? [below, below + 1] : [below + 1, below]
      found = nearest_first.find { |digit| java.lang.Double.parseDouble("#{digit}e#{point - 1}") == double }
      return [digits, point] if found.nil?

      found == 10 ? ["1", point + 1] : [found.to_s, point]
    end

    def place(digits, point)
      if point.between?(-3, 0)
        "0.#{'0' * -point}#{digits}"
      elsif point.between?(1, 16)
        padded = digits.ljust(point, "0")
        "#{padded[0, point]}.#{padded.length > point ? padded[point..] : '0'}"
      else
        fraction = ".#{digits[1..]}" if digits.length > 1
        format("%s%se%+03d", digits[0], fraction, point - 1)
      end
    end

    def character(point)
      return [point].pack("U") if point == SPACE || !HIDDEN.include?(java.lang.Character.getType(point))

      format(point < 0x10000 ? "\\u%04x" : "\\U%08x", point)
    end

    private_class_method :decimal, :fewest, :place, :character
  end
end
