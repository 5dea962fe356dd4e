# frozen_string_literal: true

require_relative "cloudevents"
require_relative "shape"

module MPM
  module Platforms
    # KServe's inference logger: CloudEvents over HTTP, and its records in blob storage.
    module KServe
      NAME = "kserve"
      PREFIX = "org.kubeflow.serving."
      PLAIN = %w[request response].freeze
      PLACE = %w[Namespace InferenceService Component Endpoint].freeze
      private_constant :NAME, :PREFIX, :PLAIN, :PLACE

      module_function

      def owns?(attributes)
        attributes.fetch("type", "").start_with?(PREFIX)
      end

      def read_event(attributes, payload, content_type, at)
        CloudEvents.read_inference(attributes, payload, content_type, at, platform: NAME, node: "component")
      end

      def line?(event)
        %w[ReqType Bytes InferenceService].none? { |key| event[key].nil? }
      end

      # Read a record of blob storage. Its keys are the names of a Go structure; it holds no time.
      def read_line(event, _raw, _source)
        kind = event["ReqType"]
        CloudEvents.unknown_type(kind) unless kind.is_a?(String)
        part = PLAIN.include?(kind) ? kind : CloudEvents.inference_part(kind)
        call = Shape.need_text(event, "Id", "Id")
        source = url(event["SourceUri"])
        endpoint = Shape.place(*PLACE.map { |name| text_or_nil(event, name) })
        Capture.new(
          platform: NAME, part: part, call: call, endpoint: endpoint,
          payload: Shape.decode_base64(event["Bytes"], "Bytes"), content_type: text_or_nil(event, "ContentType"),
          attributes: { "id" => call, "type" => kind, "source" => source }.compact
        )
      end

      def text_or_nil(event, name)
        Shape.as_text(name, event[name]) unless event[name].nil?
      end
      private_class_method :text_or_nil

      # Write a URL: it is a text, or an object of its parts; nil where it is none.
      def url(value)
        return (value unless value.empty?) if value.is_a?(String)
        return unless value.is_a?(Hash)

        scheme, host, path = value.values_at("Scheme", "Host", "Path").map { |text| text.is_a?(String) ? text : "" }
        "#{scheme}://#{host}#{path}" unless scheme.empty? || host.empty?
      end
      private_class_method :url
    end
  end
end
