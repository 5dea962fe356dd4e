# frozen_string_literal: true

require_relative "reasons"
require_relative "utf8"

module MPM
  # What can be written as JSON in UTF-8, and how values are written into a text.
  module Writing
    # Integers of more bits can be read, but Python does not write them.
    BITS_MAX = 14_000
    ESCAPES = {
      '"' => '\"', "\\" => "\\\\", "\n" => '\n', "\r" => '\r', "\t" => '\t', "\b" => '\b', "\f" => '\f'
    }.freeze
    ESCAPED = /["\\\x00-\x1f]/
    private_constant :BITS_MAX, :ESCAPES, :ESCAPED

    module_function

    # Make sure that a document can be written; raises Rejected, naming the field.
    def check(document)
      return if writable?(document)

      path, value = find(document) { |found| unwritable_number?(found) } if number_lost?(document)
      raise Rejected.new("not_finite", field: field(path), found: Show.value(value)) if path

      path, value = find(document) { |found| found.is_a?(String) && !found.valid_encoding? }
      raise Rejected.new("lone_surrogate", field: field(path), found: Show.value(value))
    end

    # Make sure that UTF-8 can hold a text; raises Rejected.
    def check_text(text, field)
      return if text.valid_encoding?

      raise Rejected.new("lone_surrogate", field: field, found: Show.value(text))
    end

    # Write a value as compact JSON, as Python does.
    def json(value)
      case value
      when String then quoted(value)
      when Hash then "{#{value.map { |name, child| "#{quoted(name.to_s)}:#{json(child)}" }.join(',')}}"
      when Array then "[#{value.map { |child| json(child) }.join(',')}]"
      when nil then "null"
      when Float then Show.number(value)
      when true, false, Integer then value.to_s
      else other(value)
      end
    end

    def quoted(text)
      return "\"#{text}\"" if text.valid_encoding? && !text.match?(ESCAPED)

      "\"#{text.scrub('?').gsub(ESCAPED) { |sign| ESCAPES[sign] || format('\u%04x', sign.ord) }}\""
    end
    private_class_method :quoted

    # An event that an input has parsed may hold decimals and times of Logstash.
    def other(value)
      value.is_a?(Numeric) ? Show.number(value.to_f) : quoted(value.to_s)
    end
    private_class_method :other

    def writable?(value)
      case value
      when String then value.valid_encoding?
      when Float then value.finite?
      when Hash then value.all? { |name, child| name.valid_encoding? && writable?(child) }
      when Array then value.all? { |child| writable?(child) }
      else true
      end
    end
    private_class_method :writable?

    def number_lost?(value)
      case value
      when Float then !value.finite?
      when Hash then value.any? { |_, child| number_lost?(child) }
      when Array then value.any? { |child| number_lost?(child) }
      else false
      end
    end
    private_class_method :number_lost?

    def unwritable_number?(value)
      case value
      when Float then !value.finite?
      when Integer then value.bit_length > BITS_MAX
      else false
      end
    end
    private_class_method :unwritable_number?

    # Find the first key or value below `value` of which the block is true, with the path to it.
    def find(value, path = [], &wrong)
      pairs = value.is_a?(Hash) ? value : value.each_with_index.map { |child, i| [i, child] }
      pairs.each do |name, child|
        here = [*path, name.to_s]
        return [here, name] if name.is_a?(String) && yield(name)
        return [here, child] if yield(child)

        found = find(child, here, &wrong) if child.is_a?(Hash) || child.is_a?(Array)
        return found if found
      end
      nil
    end
    private_class_method :find

    def field(path)
      Show.name(path.join("."))
    end
    private_class_method :field
  end
end
