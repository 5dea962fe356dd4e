# frozen_string_literal: true

require_relative "../json"
require_relative "../reasons"
require_relative "../writing"
require_relative "shape"

module MPM
  module Platforms
    # CloudEvents 1.0 (<https://github.com/cloudevents/spec>): binary mode over HTTP, and structured mode.
    #
    # The names of headers are in lower case here, with hyphens.
    module CloudEvents
      PREFIX = "ce-"
      NO_ATTRIBUTES = %w[data data_base64 datacontenttype].freeze
      KINDS = {
        "inference.request" => "request", "inference.response" => "response", "inference.outlier" => "outlier",
        "inference.drift" => "drift", "feedback" => "feedback"
      }.freeze
      TYPE_PREFIXES = %w[io.seldon.serving. org.kubeflow.serving.].freeze
      private_constant :PREFIX, :NO_ATTRIBUTES, :KINDS, :TYPE_PREFIXES

      module_function

      def binary?(headers)
        headers.key?("ce-specversion")
      end

      # Tell whether a JSON object is a CloudEvent in structured mode.
      def structured?(event)
        !event["specversion"].nil? && !event["type"].nil?
      end

      # Give the attributes among the headers of a request, without their prefix.
      def header_attributes(headers)
        headers.select { |name, _| name.start_with?(PREFIX) }
               .transform_keys { |name| name.delete_prefix(PREFIX) }
               .except(*NO_ATTRIBUTES)
      end

      # Write a binary CloudEvent in structured form, so that it can be kept and read again without its headers.
      def structured(headers, body)
        event = { **header_attributes(headers), "data_base64" => [body].pack("m0") }
        event["datacontenttype"] = headers["content-type"] unless headers["content-type"].to_s.empty?
        Writing.json(event.sort.to_h).b
      end

      # Give the attributes of a structured CloudEvent; null is the same as absent (JSON event format §2.2).
      def event_attributes(event)
        event.except(*NO_ATTRIBUTES).compact.to_h { |name, value| [name, Shape.as_text(name, value)] }
      end

      # Give the payload of a structured CloudEvent; raises Rejected.
      #
      # A JSON value is its exact slice of `raw`. A text whose content type is not JSON is that text.
      def event_payload(event, raw)
        unless event.key?("data")
          encoded = event["data_base64"]
          return encoded.nil? ? "".b : Shape.decode_base64(encoded, "data_base64")
        end
        data = event["data"]
        return Json.member(raw, "data") if !data.is_a?(String) || json?(event["datacontenttype"])

        Writing.check_text(data, "data")
        data.b
      end

      # Tell whether a content type says JSON; without one, a CloudEvent's data is JSON.
      def json?(media_type)
        return true unless media_type.is_a?(String)

        subtype = Utf8.lenient(media_type).split(";", 2).first.to_s.strip.downcase.rpartition("/").last
        subtype == "json" || subtype.end_with?("+json")
      end

      # Give what part of a call an event type names; raises Rejected.
      def inference_part(kind)
        TYPE_PREFIXES.each do |prefix|
          found = KINDS[kind.delete_prefix(prefix)] if kind.start_with?(prefix)
          return found if found
        end
        unknown_type(kind)
      end

      def unknown_type(kind)
        raise Rejected.new("unknown_event_type", found: Show.value(kind))
      end

      # Read an event of the inference loggers of KServe and Seldon; `node` names the third part of the endpoint.
      def read_inference(attributes, payload, content_type, at, platform:, node:)
        part = inference_part(attributes.fetch("type", ""))
        call = [attributes["requestid"], attributes["id"]].find { |id| !id.to_s.empty? }
        raise Rejected.new("missing_field", field: "ce-id") if call.nil?

        Capture.new(
          platform: platform, part: part, call: call,
          endpoint: Shape.place(*attributes.values_at("namespace", "inferenceservicename", node, "endpoint")),
          payload: payload, at: at == "" ? nil : at, content_type: content_type, attributes: attributes
        )
      end
    end
  end
end
