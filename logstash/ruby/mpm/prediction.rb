# frozen_string_literal: true

require_relative "checks"
require_relative "features"
require_relative "ids"
require_relative "json"
require_relative "limits"
require_relative "names"
require_relative "stored"
require_relative "timestamps"
require_relative "writing"

module MPM
  # Turns one prediction event into the document that is stored: mpm_elk/intake/normalise.py.
  module Prediction
    OUTPUTS = %w[score label probabilities value].freeze
    NUMBERS = %w[score value threshold weight propensity].to_h { |name| [name, "mpm.prediction.#{name}"] }.freeze
    IDS = { "request" => ["id"], "batch" => ["id"], "query" => ["id"], "experiment" => %w[id arm] }.freeze
    private_constant :OUTPUTS, :NUMBERS, :IDS

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
      version = Checks.key(model, "version", "mpm.model.version", Limit::VERSION)
      prediction = Checks.need(mpm, "prediction", "mpm.prediction")
      Checks.undot(prediction)
      identity = Checks.key(prediction, "id", "mpm.prediction.id", Limit::ID)
      environment = Checks.environment_of(event)
      ms = Timestamps.read(at, now_ms: now_ms, limits: limits)

      failed = Checks.event_of(event)["outcome"] == "failure"
      check_output(prediction, failed)
      mend_features(mpm)
      mend_ids(mpm)
      mend_segment(mpm)
      mend_attributions(mpm)

      Stamp.on(event, "prediction", at_ms: ms, now_ms: now_ms)
      Writing.check_text(identity, "mpm.prediction.id")
      prediction["bucket"] = Ids.bucket(identity)
      # Before the id is hashed, so that a text which UTF-8 cannot hold is found with its field.
      Writing.check(event)
      Stored.new(
        Names.monthly(Names::PREDICTIONS, limits.pool || name, environment, ms),
        Ids.prediction_id(environment, name, version, identity, ms),
        event
      )
    end

    # Check what the model said; a failed inference need not have said anything.
    def check_output(prediction, failed)
      NUMBERS.each { |name, field| Checks.number(prediction[name], field) unless prediction[name].nil? }
      unless prediction["label"].nil?
        prediction["label"] =
          Checks.text(prediction["label"], "mpm.prediction.label", Limit::CATEGORY, booleans: true)
      end
      probabilities = Checks.object_or_nil(prediction, "probabilities", "mpm.prediction.probabilities")
      Checks.numbers(probabilities, "mpm.prediction.probabilities") if probabilities
      return if failed || OUTPUTS.any? { |name| !prediction[name].nil? && prediction[name] != {} }

      raise Rejected.new("missing_output")
    end
    private_class_method :check_output

    # Split the features by type, and name the invalid ones.
    def mend_features(mpm)
      features = Checks.object_or_nil(mpm, "features", "mpm.features")
      mpm.delete("features_invalid")
      return if features.nil?

      mpm["features"], invalid = Features.split(features)
      mpm["features_invalid"] = invalid unless invalid.empty?
    end
    private_class_method :mend_features

    # Write ids as texts.
    def mend_ids(mpm)
      IDS.each do |part, names|
        holder = Checks.object_or_nil(mpm, part, "mpm.#{part}")
        names.each { |name| Checks.optional(holder, name, "mpm.#{part}.#{name}", Limit::ID) } if holder
      end
      rank = mpm["query"] && mpm["query"]["rank"]
      Checks.whole(rank, "mpm.query.rank", 2**31) unless rank.nil?
    end
    private_class_method :mend_ids

    def mend_segment(mpm)
      segment = Checks.object_or_nil(mpm, "segment", "mpm.segment")
      return if segment.nil?

      mpm["segment"] = segment.compact.to_h { |name, value| [name, group(name, value)] }
    end
    private_class_method :mend_segment

    # Give a segment's value as text. A number with a fraction stays: languages write it differently.
    def group(name, value)
      Checks.check_name(name, "mpm.segment")
      return value if value.is_a?(String) && !value.empty? && value.bytesize <= Limit::CATEGORY

      field = "mpm.segment.#{Show.name(name)}"
      return Checks.text(value, field, Limit::CATEGORY, booleans: true) unless value.is_a?(Float)

      Checks.number(value, field)
      value
    end
    private_class_method :group

    def mend_attributions(mpm)
      attributions = Checks.object_or_nil(mpm, "attributions", "mpm.attributions")
      return if attributions.nil?

      Checks.undot(attributions)
      base = attributions["base_value"]
      Checks.number(base, "mpm.attributions.base_value") unless base.nil?
      values = Checks.object_or_nil(attributions, "values", "mpm.attributions.values")
      return if values.nil?

      flat = Features.flatten(values, "mpm.attributions.values").compact
      Checks.numbers(flat, "mpm.attributions.values")
      attributions["values"] = flat
    end
    private_class_method :mend_attributions
  end
end
