# frozen_string_literal: true

require_relative "timestamps"

module MPM
  ECS_VERSION = "9.4.0"

  # A document as it is written.
  Stored = Struct.new(:index, :id, :document)

  # The fields that the intake adds to each document.
  module Stamp
    module_function

    # Write when the event happened, of what kind it is, and when it was taken in; `event.event` must be an object.
    def on(event, dataset, at_ms:, now_ms:)
      event["@timestamp"] = Timestamps.iso(at_ms)
      event["event"].update(about(dataset, now_ms))
      event["ecs"] = { "version" => ECS_VERSION }
    end

    def about(dataset, now_ms)
      { "kind" => "event", "module" => "mpm", "dataset" => "mpm.#{dataset}", "ingested" => Timestamps.iso(now_ms) }
    end
  end
end
