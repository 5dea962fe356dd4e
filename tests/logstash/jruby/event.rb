# frozen_string_literal: true

require "java"

# A small stand-in for Logstash's events, written to Logstash's documented behaviour (docs: "Event API", "Accessing
# event data and fields"; logstash-core's Event.java): what the scripts use of them, and what surprises there.
module LogStash
  # A time in UTC.
  class Timestamp
    MILLIS = java.time.format.DateTimeFormatterBuilder.new.appendInstant(3).toFormatter
    ISO = /\A\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d([.,]\d{1,9})?)?)?(Z|[+-]\d\d(:?\d\d)?)?\z/i
    private_constant :MILLIS, :ISO

    attr_reader :instant

    def self.now
      new(java.time.Instant.now)
    end

    def initialize(value)
      @instant = value.is_a?(String) ? parse(value) : value
    end

    def to_s
      (@instant.getNano.zero? ? MILLIS : java.time.format.DateTimeFormatter::ISO_INSTANT).format(@instant)
    end
    alias to_iso8601 to_s

    def ==(other)
      other.is_a?(Timestamp) && @instant == other.instant
    end

    private

    def parse(text)
      raise ArgumentError, "no ISO 8601: #{text}" unless ISO.match?(text)

      date, time = text.upcase.tr(",", ".").split("T")
      time ||= "00:00Z"
      clock, zone = time.match(/\A([\d:.]+)(.*)\z/).captures
      java.time.OffsetDateTime.parse("#{date}T#{clock}#{zone.empty? ? 'Z' : zone}").toInstant
    rescue java.time.DateTimeException => error
      raise ArgumentError, error.message
    end
  end

  # An event: fields, and `@metadata` beside them. What goes in and what comes out are copies.
  class Event
    # What `to_java.getData` gives: the fields themselves, past all guards.
    class Fields < Hash
      alias put []=
      alias get []
    end
    Java = Struct.new(:data) do
      alias_method :getData, :data
    end
    private_constant :Fields, :Java

    METADATA = "@metadata"
    TAGS = "tags"
    private_constant :METADATA, :TAGS

    def initialize(fields = {})
      @data = Fields.new.update(copy(fields || {}))
      @data["@version"] = "1" unless @data.key?("@version")
      @metadata = @data.delete(METADATA) || {}
      raise TypeError, "@metadata is no hash" unless @metadata.is_a?(Hash)

      @cancelled = false
      guard_tags
      guard_timestamp
    end

    def get(reference)
      holder, path = place(reference)
      copy(path.reduce(holder) { |found, name| child(found, name) })
    end

    def set(reference, value)
      holder, path = place(reference)
      raise TypeError, "wrong argument type" if path == ["@timestamp"] && !value.is_a?(Timestamp)
      if holder.equal?(@data) && path.first == TAGS && (path.length > 1 || !tags?(value))
        raise ArgumentError, "tags hold texts only"
      end
      return @metadata = copy(value) if path.empty?

      *parents, last = path
      parent = parents.reduce(holder) { |found, name| child(found, name) || put(found, name, {}) }
      put(parent, last, copy(value))
    end

    def remove(reference)
      holder, path = place(reference)
      return @metadata.dup.tap { @metadata = {} } if path.empty?

      *parents, last = path
      parent = parents.reduce(holder) { |found, name| child(found, name) }
      parent.is_a?(Hash) ? copy(parent.delete(last)) : nil
    end

    def include?(reference)
      holder, path = place(reference)
      return true if path.empty?

      *parents, last = path
      parent = parents.reduce(holder) { |found, name| child(found, name) }
      parent.is_a?(Hash) ? parent.key?(last) : !child(parent, last).nil?
    end

    def tag(text)
      tags = Array(@data[TAGS])
      @data[TAGS] = tags.include?(text) ? tags : [*tags, text]
      nil
    end

    def timestamp
      @data["@timestamp"]
    end

    def to_hash
      copy({}.update(@data))
    end

    def to_hash_with_metadata
      @metadata.empty? ? to_hash : to_hash.merge(METADATA => copy(@metadata))
    end

    def clone
      Event.new(to_hash.merge(METADATA => @metadata))
    end
    alias dup clone

    def cancel
      @cancelled = true
    end

    def uncancel
      @cancelled = false
    end

    def cancelled?
      @cancelled
    end

    def to_java
      Java.new(@data)
    end

    private

    def copy(value)
      case value
      when Hash then value.to_h { |name, child| [name.to_s.dup, copy(child)] }
      when Array then value.map { |child| copy(child) }
      when String then value.dup
      when Symbol then value.to_s
      when nil, true, false, Integer, Float, Timestamp then value
      else raise TypeError, "an event holds no #{value.class}"
      end
    end

    # `[a][b]` and `a`; a text that is neither is an error.
    def place(reference)
      path = reference.include?("[") || reference.include?("]") ? names(reference) : [reference]
      path.first == METADATA ? [@metadata, path.drop(1)] : [@data, path]
    end

    def names(reference)
      raise "Invalid FieldReference: `#{reference}`" unless reference.match?(/\A(?:\[[^\[\]]+\])+\z/)

      reference.scan(/\[([^\[\]]+)\]/).flatten
    end

    def child(holder, name)
      case holder
      when Hash then holder[name]
      when Array then holder[Integer(name, 10)] if name.match?(/\A-?\d+\z/)
      end
    end

    def put(holder, name, value)
      raise "Could not set field '#{name}'" unless holder.is_a?(Hash)

      holder[name] = value
    end

    def tags?(value)
      value.is_a?(String) || (value.is_a?(Array) && value.all?(String))
    end

    def guard_tags
      return if !@data.key?(TAGS) || tags?(@data[TAGS])

      @data["_tags"] = [@data[TAGS]]
      @data[TAGS] = ["_tagsparsefailure"]
    end

    def guard_timestamp
      given = @data["@timestamp"]
      @data["@timestamp"] = given.is_a?(String) ? Timestamp.new(given) : given || Timestamp.now
      raise ArgumentError, "no time" unless @data["@timestamp"].is_a?(Timestamp)
    rescue ArgumentError
      @data["@timestamp"] = Timestamp.now
      tag("_timestampparsefailure")
      @data["_@timestamp"] = given
    end
  end
end
