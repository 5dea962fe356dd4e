# frozen_string_literal: true

require_relative "cloudevents"

module MPM
  module Platforms
    # Seldon Core's request logger: CloudEvents over HTTP, whose halves meet by `requestid`.
    module Seldon
      NAME = "seldon"
      PREFIX = "io.seldon.serving."
      private_constant :NAME, :PREFIX

      module_function

      def owns?(attributes)
        attributes.fetch("type", "").start_with?(PREFIX) || attributes.key?("requestid")
      end

      def read_event(attributes, payload, content_type, at)
        CloudEvents.read_inference(attributes, payload, content_type, at, platform: NAME, node: "modelid")
      end
    end
  end
end
