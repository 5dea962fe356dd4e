# frozen_string_literal: true

require_relative "../reasons"
require_relative "shape"

module MPM
  module Platforms
    # SageMaker Data Capture: JSON lines with both halves of a call, and lines of ground truth.
    module SageMaker
      NAME = "sagemaker"
      # `s3://bucket/prefix/{endpoint}/{variant}/yyyy/mm/dd/hh/file`
      PATH = %r{([^/]+)/([^/]+)/[0-9]{4}/[0-9]{2}/[0-9]{2}/[0-9]{2}/[^/]+\z}
      CALL = "eventMetadata.eventId"
      private_constant :NAME, :PATH, :CALL

      module_function

      def line?(event)
        (!event["captureData"].nil? || !event["groundTruthData"].nil?) && !event["eventMetadata"].nil?
      end

      def read_line(event, raw, source)
        about = Shape.need_object(event, "eventMetadata", "eventMetadata")
        at = about["inferenceTime"]
        if event["captureData"].nil?
          part = "ground_truth"
          call = Shape.need_text(about, ["", nil].include?(about["eventId"]) ? "inferenceId" : "eventId", CALL)
        else
          part = part_of(Shape.need_object(event, "captureData", "captureData"))
          call = Shape.need_text(about, "eventId", CALL)
          raise Rejected.new("missing_field", field: "eventMetadata.inferenceTime") if at.nil?
        end
        Capture.new(
          platform: NAME, part: part, call: call, endpoint: endpoint(source),
          payload: raw, at: at, content_type: "application/json", attributes: {}
        )
      end

      # Tell which halves of the call a line holds.
      def part_of(data)
        asked, answered = %w[endpointInput endpointOutput].map { |half| !data[half].nil? }
        raise Rejected.new("missing_field", field: "captureData.endpointInput") unless asked || answered
        return "call" if asked && answered

        asked ? "request" : "response"
      end
      private_class_method :part_of

      def endpoint(source)
        match = PATH.match(source.to_s)
        match ? "#{match[1]}/#{match[2]}" : UNKNOWN_ENDPOINT
      end
      private_class_method :endpoint
    end
  end
end
