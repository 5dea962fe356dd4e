# frozen_string_literal: true

module MPM
  # What an event may hold: mpm_elk/contract/limits.py.
  module Limit
    MODEL_NAME = 128
    VERSION = 128
    ENVIRONMENT = 64
    ID = 512
    FEATURES = 2000
    NAME = 256
    DEPTH = 16
    EVENT_DEPTH = DEPTH + 4
    CATEGORY = 1024
    LINE_BYTES = 1 << 20
  end

  # How old and how far ahead `@timestamp` may be (ms), bytes of a line, and the index pool: what script_params change.
  Limits = Struct.new(:max_age_ms, :max_ahead_ms, :max_line_bytes, :pool, keyword_init: true) do
    def self.from(params)
      new(
        max_age_ms: Limits.span_ms(params["max_age"] || "400d"),
        max_ahead_ms: Limits.span_ms(params["max_ahead"] || "1h"),
        max_line_bytes: Limits.whole(params["max_line_bytes"] || Limit::LINE_BYTES),
        pool: params["pool"].to_s.empty? ? nil : params["pool"].to_s
      ).freeze
    end

    # Read `45s`, `30m`, `1h`, `400d` or `4w`.
    def self.span_ms(text)
      match = /\A\s*([0-9]+)\s*([smhdw])\s*\z/.match(text.to_s)
      if match.nil? || match[1].to_i.zero?
        raise ArgumentError, "#{text.inspect} is no time span: write a whole number and a unit, such as 15m, 1h or 400d"
      end

      match[1].to_i * { "s" => 1, "m" => 60, "h" => 3600, "d" => 86_400, "w" => 604_800 }.fetch(match[2]) * 1000
    end

    def self.whole(text)
      return text.to_s.to_i if /\A[1-9][0-9]*\z/.match?(text.to_s)

      raise ArgumentError, "#{text.inspect} is no number of bytes: write a whole number such as 1048576"
    end
  end
end
