# frozen_string_literal: true

require_relative "limits"
require_relative "reasons"
require_relative "utf8"

module MPM
  # Checks the fields of an event; what can be mended without doubt is mended in place. Each check raises Rejected.
  module Checks
    DEFAULT_ENVIRONMENT = "production"
    ROOTS = %w[mpm event service ecs].freeze
    OUTCOMES = %w[success failure unknown].freeze
    # The largest double, as an integer: comparing integers is exact.
    LARGEST = Float::MAX.to_i
    TEXT_BITS = 4096
    private_constant :ROOTS, :OUTCOMES, :TEXT_BITS

    module_function

    # Nest the dotted keys of what the intake reads (`"mpm.model.name": …`), as ECS loggers write them.
    def undot_roots(event)
      undot(event, ROOTS)
    end

    # Nest every dotted key of `holder`, one level; with `roots`, only those below them.
    def undot(holder, roots = nil)
      return if holder.each_key.none? { |name| name.include?(".") }

      holder.keys.each do |name|
        next unless name.include?(".")

        head, rest = Utf8.cut_at_dot(name)
        next if roots && !roots.include?(head)

        value = holder.delete(name)
        inner = holder.fetch(head) { holder[head] = {} }
        raise Rejected.new("name_clash", field: Show.name(name)) if !inner.is_a?(Hash) || inner.key?(rest)

        inner[rest] = value
      end
    end

    # Take out `@version` and `@metadata`, which Logstash and its loggers set for themselves, and check `tags`: Logstash
    # keeps none but texts.
    def mend_logstash(event)
      event.delete("@version")
      event.delete("@metadata")
      tags = event["tags"]
      return event.delete("tags") if tags.nil?
      return if tags.is_a?(String) || (tags.is_a?(Array) && tags.all?(String))

      wrong_type("tags", "a text or an array of texts", tags)
    end

    # Give the event's `mpm`, with its dotted keys nested.
    def mpm_of(event)
      mpm = need(event, "mpm", "mpm")
      undot(mpm)
      mpm
    end

    # Bring an event into its nested form, and give what every one has: its `mpm`, and its time as it is written.
    def opened(event)
      undot_roots(event)
      mend_logstash(event)
      mpm = mpm_of(event)
      at = event["@timestamp"]
      at.nil? ? missing("@timestamp") : [mpm, at]
    end

    # Make `service` where it is not there, and give the environment that it names or that is the default.
    def environment_of(event)
      service = object_or_nil(event, "service", "service") || (event["service"] = {})
      service["environment"] = DEFAULT_ENVIRONMENT if service["environment"].nil?
      environment = key(service, "environment", "service.environment", Limit::ENVIRONMENT)
      %w[name version].each { |name| optional(service, name, "service.#{name}", Limit::ID) }
      environment
    end

    # Give ECS `event`, made where it was not there; its outcome and duration are checked, for they are counted.
    def event_of(event)
      about = object_or_nil(event, "event", "event") || (event["event"] = {})
      outcome = about["outcome"]
      unless outcome.nil? || OUTCOMES.include?(outcome)
        wrong_type("event.outcome", "success, failure or unknown", outcome)
      end
      whole(about["duration"], "event.duration", 2**63) unless about["duration"].nil?
      about
    end

    # Give the object under `name`, nil where nothing is there.
    def object_or_nil(holder, name, field)
      value = holder[name]
      value.nil? || value.is_a?(Hash) ? value : wrong_type(field, "an object", value)
    end

    # Give the object under `name`, which must be there.
    def need(holder, name, field)
      object_or_nil(holder, name, field) || missing(field)
    end

    # Give the text under `name`, which must be there; an integer is written in decimals, in the event too.
    def key(holder, name, field, limit)
      value = holder[name]
      missing(field) if value.nil?
      holder[name] = text(value, field, limit)
    end

    # Give a text that need not be there: then it is nil.
    def optional(holder, name, field, limit)
      key(holder, name, field, limit) unless holder[name].nil?
    end

    # Give a text of 1 to `limit` characters; an integer, and where it is allowed a boolean, is written as one.
    def text(value, field, limit, booleans: false)
      written = written(value, booleans)
      wrong_type(field, booleans ? "a text, an integer or a boolean" : "a text or an integer", value) if written.nil?
      raise Rejected.new("empty_field", field: field) if written.empty?

      length = written.bytesize <= limit ? 0 : Utf8.length(written)
      return written if length <= limit

      raise Rejected.new("too_long", field: field, length: length, limit: limit, found: Show.value(written))
    end

    # Make sure that `value` is a number that a finite double can hold.
    def number(value, field)
      wrong_type(field, "a number", value) unless value.is_a?(Float) || value.is_a?(Integer)
      raise Rejected.new("not_finite", field: field, found: Show.value(value)) unless finite?(value)
    end

    # Make sure that all values of an object are such numbers, and their names can be fields.
    def numbers(values, field)
      values.each do |name, value|
        check_name(name, field)
        next if value.is_a?(Float) && value.finite?

        number(value, "#{field}.#{Show.name(name)}")
      end
    end

    def finite?(number)
      number.is_a?(Float) ? number.finite? : number.between?(-LARGEST, LARGEST)
    end

    # Make sure that `value` is a whole number from 0 to `below` - 1.
    def whole(value, field, below)
      return if value.is_a?(Integer) && value >= 0 && value < below

      wrong_type(field, "a whole number from 0 to #{below - 1}", value)
    end

    # Refuse a name that is too long, or empty or only white space, which Elasticsearch refuses.
    def check_name(name, field)
      if name.bytesize > Limit::NAME && (length = Utf8.length(name)) > Limit::NAME
        raise Rejected.new("name_too_long", field: field, length: length, limit: Limit::NAME, found: Show.value(name))
      end
      raise Rejected.new("bad_name", field: field, found: Show.value(name)) if Utf8.blank?(name)
    end

    def written(value, booleans)
      case value
      when String then value
      when Integer then value.to_s if value.bit_length < TEXT_BITS
      when true, false then value.to_s if booleans
      end
    end
    private_class_method :written

    def missing(field)
      raise Rejected.new("missing_field", field: field)
    end

    def wrong_type(field, wanted, found)
      raise Rejected.new("wrong_type", field: field, wanted: wanted, found: Show.value(found))
    end
  end
end
