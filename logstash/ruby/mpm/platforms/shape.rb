# frozen_string_literal: true

require_relative "../reasons"
require_relative "../writing"

module MPM
  module Platforms
    UNKNOWN_ENDPOINT = "unknown"

    # One payload of another platform. `at` is its time as it was written, nil where the platform wrote none.
    # `attributes` are texts as they came.
    Capture = Struct.new(
      :platform, :part, :call, :endpoint, :payload, :at, :content_type, :attributes, keyword_init: true
    )

    # How a platform's recognition reads single fields. Each raises Rejected.
    module Shape
      module_function

      # Give a text as it is, and any other value as compact JSON.
      def as_text(name, value)
        return value if value.is_a?(String)

        Writing.check({ name => value })
        Writing.json(value)
      end

      # Give the text under `key`, a number as it is written.
      def need_text(holder, key, field)
        value = holder[key]
        raise Rejected.new("missing_field", field: field) if value.nil? || value == ""
        return as_text(field, value) unless value.is_a?(Hash) || value.is_a?(Array)

        raise Rejected.new("wrong_type", field: field, wanted: "a text", found: Show.value(value))
      end

      # Give the object under `key`.
      def need_object(holder, key, field)
        value = holder[key]
        return value if value.is_a?(Hash)

        raise Rejected.new("wrong_type", field: field, wanted: "an object", found: Show.value(value))
      end

      # Read standard base64 without line breaks.
      def decode_base64(value, field)
        return value.unpack1("m") if value.is_a?(String) && base64?(value)

        raise Rejected.new("wrong_type", field: field, wanted: "base64", found: Show.value(value))
      end

      def base64?(text)
        return false unless text.ascii_only? && (text.bytesize % 4).zero?

        text.delete_suffix("=").delete_suffix("=").count("^A-Za-z0-9+/").zero?
      end
      private_class_method :base64?

      # Join the parts of an endpoint's name; empty ones are left out.
      def place(*parts)
        found = parts.reject { |part| part.nil? || part.empty? }
        found.empty? ? UNKNOWN_ENDPOINT : found.join("/")
      end
    end
  end
end
