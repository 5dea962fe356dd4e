# frozen_string_literal: true

require_relative "checks"
require_relative "ids"
require_relative "json"
require_relative "limits"
require_relative "names"
require_relative "stored"
require_relative "timestamps"
require_relative "writing"

module MPM
  # Turns one ground truth event into the document that is stored: mpm_elk/intake/ground_truth.py.
  #
  # The id is a hash of all that the event says, so that an event sent twice is stored once, and a correction beside it.
  module GroundTruth
    LONG = 2**63
    VALUE = "mpm.ground_truth.value"
    private_constant :LONG, :VALUE

    module_function

    # Give the stored form of one event's text in bytes; raises Rejected.
    def normalise(raw, now_ms:, limits:)
      normalise_event(Json.read_object(raw, depth: Limit::EVENT_DEPTH), now_ms: now_ms, limits: limits)
    end

    # Give the stored form of one parsed event; raises Rejected. The event is changed in place.
    def normalise_event(event, now_ms:, limits:)
      mpm, at = Checks.opened(event)
      model = Checks.need(mpm, "model", "mpm.model")
      name = Checks.key(model, "name", "mpm.model.name", Limit::MODEL_NAME)
      version = Checks.optional(model, "version", "mpm.model.version", Limit::VERSION)
      truth = Checks.need(mpm, "ground_truth", "mpm.ground_truth")
      Checks.undot(truth)
      value = value_of(truth)
      source = Checks.optional(truth, "source", "mpm.ground_truth.source", Limit::ID)
      references = %w[prediction request].map { |part| id_of(mpm, part) }
      raise Rejected.new("missing_reference") if references.none?

      environment = Checks.environment_of(event)
      ms = Timestamps.read(at, now_ms: now_ms, limits: limits)
      Checks.event_of(event)

      Stamp.on(event, "ground_truth", at_ms: ms, now_ms: now_ms)
      # Before the id is hashed, so that a text which UTF-8 cannot hold is found with its field.
      Writing.check(event)
      parts = ["ground_truth", environment, name, version, *references, source, ms, value]
      Stored.new(
        Names.monthly(Names::GROUND_TRUTH, limits.pool || name, environment, ms),
        Ids.digest(*parts.map(&:to_s)),
        event
      )
    end

    # Give the id of the prediction or of the request; nil where it is not named.
    def id_of(mpm, part)
      holder = Checks.object_or_nil(mpm, part, "mpm.#{part}")
      return if holder.nil?

      Checks.undot(holder)
      Checks.optional(holder, "id", "mpm.#{part}.id", Limit::ID)
    end
    private_class_method :id_of

    # Check what really happened, and give it as the text that the id is made of.
    #
    # Languages write fractions differently, so a double stands there by its bits.
    def value_of(truth)
      value = truth["value"]
      Checks.missing(VALUE) if value.nil?
      if value.is_a?(Float) || (value.is_a?(Integer) && value.abs >= LONG)
        Checks.number(value, VALUE)
        return "double:#{[value.to_f].pack('G').unpack1('H*')}"
      end
      return "integer:#{value}" if value.is_a?(Integer)

      truth["value"] = Checks.text(value, VALUE, Limit::CATEGORY, booleans: true)
      "text:#{truth['value']}"
    end
    private_class_method :value_of
  end
end
