# frozen_string_literal: true

require "digest"
require_relative "checks"
require_relative "ids"
require_relative "json"
require_relative "limits"
require_relative "names"
require_relative "platforms/cloudevents"
require_relative "platforms/kserve"
require_relative "platforms/sagemaker"
require_relative "platforms/seldon"
require_relative "stored"
require_relative "timestamps"
require_relative "writing"

module MPM
  # Turns a payload of another platform into the capture that is stored: mpm_elk/intake/capture.py.
  #
  # Nothing is interpreted beyond what tells which half of which call it is. To add a platform, write its file and name
  # it here: `owns?` and `read_event` for CloudEvents, `line?` and `read_line` for JSON objects.
  module Capture
    # In the order in which they are asked: the first that knows a capture has it.
    EVENTS = [Platforms::Seldon, Platforms::KServe].freeze
    LINES = [Platforms::KServe, Platforms::SageMaker].freeze
    private_constant :EVENTS, :LINES

    module_function

    # Tell whether a JSON object has the form of a platform's capture; whether it is a right one is seen later.
    def capture?(event)
      Platforms::CloudEvents.structured?(event) || LINES.any? { |platform| platform.line?(event) }
    end

    # Give the stored form of a capture that is one JSON object in bytes; raises Rejected.
    def of_event(raw, source:, now_ms:, limits:)
      event = Json.read_object(raw, depth: Limit::EVENT_DEPTH)
      Checks.undot_roots(event)
      if Platforms::CloudEvents.structured?(event)
        media_type = event["datacontenttype"]
        media_type = Platforms::Shape.as_text("datacontenttype", media_type) unless media_type.nil?
        attributes = Platforms::CloudEvents.event_attributes(event)
        payload = Platforms::CloudEvents.event_payload(event, raw)
        capture = of_cloud_event(attributes, payload, media_type, event["time"])
      else
        capture = LINES.find { |platform| platform.line?(event) }.read_line(event, raw, source)
      end
      store(capture, source, now_ms, limits)
    end

    # Give the stored form of a binary CloudEvent over HTTP; raises Rejected.
    def of_request(headers, body, source:, now_ms:, limits:)
      attributes = Platforms::CloudEvents.header_attributes(headers)
      capture = of_cloud_event(attributes, body, headers["content-type"], attributes["time"])
      store(capture, source, now_ms, limits)
    end

    def of_cloud_event(attributes, payload, content_type, at)
      platform = EVENTS.find { |known| known.owns?(attributes) }
      Platforms::CloudEvents.unknown_type(attributes.fetch("type", "")) if platform.nil?
      platform.read_event(attributes, payload, content_type, at)
    end
    private_class_method :of_cloud_event

    def store(capture, source, now_ms, limits)
      if capture.payload.bytesize > limits.max_line_bytes
        raise Rejected.new("line_too_long", found: capture.payload.bytesize, limit: limits.max_line_bytes)
      end

      ms = capture.at.nil? ? now_ms : Timestamps.read(capture.at, now_ms: now_ms, limits: limits)
      document = {
        "@timestamp" => Timestamps.iso(ms),
        "event" => Stamp.about("capture", now_ms),
        "ecs" => { "version" => ECS_VERSION },
        "mpm" => { "capture" => about(capture, source) }
      }
      # Before the id is hashed, so that a text which UTF-8 cannot hold is found with its field.
      Writing.check(document)
      Stored.new("#{Names::CAPTURES}-#{Names.part(capture.platform)}-#{Timestamps.month(ms)}", id(capture), document)
    end
    private_class_method :store

    def about(capture, source)
      {
        "platform" => capture.platform,
        "part" => capture.part,
        "call" => { "id" => capture.call },
        "endpoint" => capture.endpoint,
        "content_type" => capture.content_type,
        "attributes" => capture.attributes,
        "source" => source,
        **payload(capture.payload)
      }.compact
    end
    private_class_method :about

    def payload(bytes)
      text = bytes.dup.force_encoding(Encoding::UTF_8)
      kept = text.valid_encoding? ? { "payload" => text } : { "payload_base64" => [bytes].pack("m0") }
      kept.merge("bytes" => bytes.bytesize)
    end
    private_class_method :payload

    # The same half of the same call with the same payload is stored once a month.
    def id(capture)
      content = Digest::SHA256.hexdigest(capture.payload)
      Ids.digest("capture", capture.platform, capture.endpoint, capture.call, capture.part, content)
    end
    private_class_method :id
  end
end
