# frozen_string_literal: true

require_relative "checks"
require_relative "limits"
require_relative "reasons"
require_relative "utf8"

module MPM
  # Splits `mpm.features` by the type of each value, so that stored types cannot clash.
  module Features
    module_function

    # Give the content of `mpm.features` as it is stored, and the names for `mpm.features_invalid`; raises Rejected.
    #
    # Numbers go to `numeric`, texts and booleans to `categorical`. Nested names are joined with dots, null is left out.
    # Numbers that no finite double can hold are left out and named as invalid. What is neither number, text nor
    # boolean, and a text that Elasticsearch would not count for its length, is named as invalid and kept under
    # `unsupported`.
    def split(features)
      flat = flatten(features, "mpm.features")
      raise Rejected.new("too_many_features", found: flat.size, limit: Limit::FEATURES) if flat.size > Limit::FEATURES

      parts = { "numeric" => {}, "categorical" => {}, "unsupported" => {} }
      invalid = []
      flat.each { |name, value| place(name, value, parts, invalid) }
      [parts.reject { |_, part| part.empty? }, invalid]
    end

    # Join the names of nested objects with dots, and check each name; raises Rejected.
    #
    # An empty object leaves nothing. A name that comes out twice is rejected: neither value may win by its place.
    def flatten(values, field)
      values.each_with_object({}) do |(name, value), flat|
        value.is_a?(Hash) ? join(flat, name, value, field, 2) : put(flat, name, value, field)
      end
    end

    def place(name, value, parts, invalid)
      case value
      when Float, Integer then Checks.finite?(value) ? parts["numeric"][name] = value : invalid << name
      when String
        if value.bytesize <= Limit::CATEGORY || Utf8.utf16_length(value) <= Limit::CATEGORY
          parts["categorical"][name] = value
        else
          keep(name, value, parts, invalid)
        end
      when true, false then parts["categorical"][name] = value.to_s
      when nil then nil
      else keep(name, writable(value), parts, invalid)
      end
    end
    private_class_method :place

    def keep(name, value, parts, invalid)
      invalid << name
      parts["unsupported"][name] = value
    end
    private_class_method :keep

    def join(flat, prefix, values, field, depth)
      raise Rejected.new("too_deep", field: "`#{field}`", limit: Limit::DEPTH) if depth > Limit::DEPTH

      values.each do |key, value|
        name = "#{prefix}.#{key}"
        value.is_a?(Hash) ? join(flat, name, value, field, depth + 1) : put(flat, name, value, field)
      end
    end
    private_class_method :join

    def put(flat, name, value, field)
      raise Rejected.new("name_clash", field: "#{field}.#{Show.name(name)}") if flat.key?(name)

      Checks.check_name(name, field)
      flat[name] = value
    end
    private_class_method :put

    # Copy a value with the numbers that JSON cannot write as texts.
    def writable(value)
      case value
      when Float then value.finite? ? value : Show.number(value)
      when Array then value.map { |item| writable(item) }
      when Hash then value.transform_values { |item| writable(item) }
      else value
      end
    end
    private_class_method :writable
  end
end
