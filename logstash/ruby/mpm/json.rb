# frozen_string_literal: true

require "java"
require_relative "brackets"
require_relative "reasons"
require_relative "utf8"

module MPM
  # Reads JSON as mpm_elk/intake/parse.py does: strictly, but NaN, Infinity and -Infinity are numbers; of a key that
  # stands twice the last value counts; integers are exact. Written on Jackson's stream, which Logstash carries.
  module Json
    # Python reads no integers of more digits: these are infinite, as no double is as large.
    DIGITS_MAX = 4300
    LONG_DIGITS = 18
    LARGEST = java.lang.Integer::MAX_VALUE
    # Jackson's numbers of the kinds of tokens.
    OBJECT = 1
    ARRAY = 3
    ARRAY_END = 4
    STRING = 6
    INTEGER = 7
    DOUBLE = 8
    TRUE = 9
    FALSE = 10
    private_constant :DIGITS_MAX, :LONG_DIGITS, :LARGEST
    private_constant :OBJECT, :ARRAY, :ARRAY_END, :STRING, :INTEGER, :DOUBLE, :TRUE, :FALSE

    Overlong = Class.new(StandardError)
    Wrong = Class.new(StandardError)
    private_constant :Overlong, :Wrong

    module_function

    # Read one JSON value of at most `depth` levels from bytes; raises Rejected.
    def read(raw, depth:)
      at = Utf8.fault(raw)
      raise Rejected.new("invalid_utf8", found: format("0x%02x", raw.getbyte(at)), position: at + 1) if at
      raise Rejected.new("too_deep", field: "the event", limit: depth) if Brackets.deeper_than?(raw, depth)

      load(raw.dup.force_encoding(Encoding::UTF_8))
    end

    # Read one JSON object; raises Rejected.
    def read_object(raw, depth:)
      event = read(raw, depth: depth)
      return event if event.is_a?(Hash)

      raise Rejected.new("not_an_object", found: Show.value(event))
    end

    # Cut the value of a top-level key out of the text of an object, byte for byte; of a key twice there, the last.
    def member(raw, wanted)
      text = raw.dup.force_encoding(Encoding::UTF_8).to_java(:string)
      parser = FACTORY.call(text)
      parser.nextToken
      found = nil
      while (name = parser.nextFieldName)
        parser.nextToken
        from = parser.currentTokenLocation.getCharOffset
        parser.skipChildren
        parser.finishToken
        found = [from, parser.currentLocation.getCharOffset] if name == wanted
      end
      text.substring(*found).b
    end

    def load(text)
      Reader.new(text, overlong: false).read
    rescue Overlong
      Reader.new(text, overlong: true).read
    end
    private_class_method :load

    def factory
      jackson = com.fasterxml.jackson.core
      limits = jackson.StreamReadConstraints.builder
                      .maxNumberLength(LARGEST).maxStringLength(LARGEST).maxNameLength(LARGEST).build
      built = jackson.JsonFactory.builder.streamReadConstraints(limits)
                     .enable(jackson.json.JsonReadFeature::ALLOW_NON_NUMERIC_NUMBERS)
                     # A name that came once must not stay in memory for ever.
                     .disable(jackson.JsonFactory::Feature::INTERN_FIELD_NAMES)
                     .disable(jackson.JsonFactory::Feature::CANONICALIZE_FIELD_NAMES)
                     .build
      built.java_method(:createParser, [java.lang.String])
    end
    private_class_method :factory

    FACTORY = factory
    private_constant :FACTORY

    # Reads one text.
    class Reader
      def initialize(text, overlong:)
        @text = text
        @overlong = overlong
        # Half a surrogate pair can only be written as an escape.
        @halves = text.include?("\\ud") || text.include?("\\uD")
        @parser = FACTORY.call(text)
      end

      def read
        raise Wrong unless @parser.nextToken

        value = value(@parser.currentTokenId)
        raise Wrong if @parser.nextToken

        value
      rescue Wrong, java.io.IOException
        # Each language's parser says something else about it; the start of the text says enough.
        raise Rejected.new("invalid_json", found: Show.value(@text))
      end

      private

      def value(token)
        case token
        when INTEGER then integer
        when DOUBLE then double
        when OBJECT then object
        when ARRAY then array
        when TRUE then true
        when FALSE then false
        when STRING then string(@parser.getText)
        end
      end

      def object
        values = {}
        while (name = @parser.nextFieldName)
          name = string(name) if @halves
          values[name.freeze] = next_value
        end
        values
      end

      def array
        values = []
        loop do
          text = @parser.nextTextValue
          if text
            values << (@halves ? string(text) : text)
          else
            token = @parser.currentTokenId
            return values if token == ARRAY_END

            values << value(token)
          end
        end
      end

      def next_value
        text = @parser.nextTextValue
        return @halves ? string(text) : text if text

        value(@parser.currentTokenId)
      end

      def integer
        length = @parser.getTextLength
        return @parser.getLongValue if length <= LONG_DIGITS

        text = @parser.getText
        return length < DIGITS_MAX ? text.to_i : infinite(text) if @overlong
        raise Overlong if length - (text.start_with?("-") ? 1 : 0) > DIGITS_MAX

        text.to_i
      end

      def infinite(text)
        text.start_with?("-") ? -Float::INFINITY : Float::INFINITY
      end

      def double
        value = @parser.getDoubleValue
        return value if value.finite?

        # Jackson also takes INF and a plus sign.
        text = @parser.getText
        raise Wrong if text.start_with?("+") || text.end_with?("INF")

        value
      end

      # Java's texts can hold half a pair, which is lost on the way to Ruby.
      def string(text)
        return text if !@halves || (text.ascii_only? && text.length == @parser.getTextLength)

        characters = @parser.getTextCharacters
        from = @parser.getTextOffset
        units = Array.new(@parser.getTextLength) { |i| characters[from + i] }
        units.pack("S<*").force_encoding(Encoding::UTF_16LE).then do |pairs|
          pairs.valid_encoding? ? pairs.encode(Encoding::UTF_8) : join(units)
        end
      end

      def join(units)
        points = []
        units.each do |unit|
          if unit.between?(0xDC00, 0xDFFF) && points.last&.between?(0xD800, 0xDBFF)
            points << (0x10000 + ((points.pop - 0xD800) << 10) + (unit - 0xDC00))
          else
            points << unit
          end
        end
        points.pack("U*")
      end
    end
    private_constant :Reader
  end
end
