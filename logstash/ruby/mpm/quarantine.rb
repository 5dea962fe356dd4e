# frozen_string_literal: true

require "digest"
require_relative "ids"
require_relative "names"
require_relative "stored"
require_relative "timestamps"
require_relative "utf8"

module MPM
  # Keeps what could not be accepted, with its reason: mpm_elk/intake/quarantine.py.
  module Quarantine
    OPEN = "open"
    # Of a longer text, which a small node refuses to take, the start is kept.
    HELD_MAX_BYTES = 8 << 20
    SHOWN_OF_CUT = 64 << 10
    private_constant :OPEN, :HELD_MAX_BYTES, :SHOWN_OF_CUT

    module_function

    # Give the document of a text in bytes. Its id is a hash of these alone: sent again, it is kept once in a month.
    def document(raw, code:, reason:, source:, line:, now_ms:)
      now = Timestamps.iso(now_ms)
      hash = Digest::SHA256.digest(raw)
      cut = raw.bytesize > HELD_MAX_BYTES
      about = {
        "state" => OPEN, "reason_code" => code, "source" => source, "line" => line, "bytes" => raw.bytesize,
        "updated" => now, "attempts" => 0
      }.compact
      about.update("truncated" => true, "sha256" => hash.unpack1("H*")) if cut
      event = Stamp.about("quarantine", now_ms)
      keep(cut ? raw.byteslice(0, SHOWN_OF_CUT) : raw, cut, event, about)
      document = {
        "@timestamp" => now, "ecs" => { "version" => ECS_VERSION }, "event" => event,
        "error" => { "message" => reason }, "mpm" => { "quarantine" => about }
      }
      Stored.new(Names.dated(Names::QUARANTINE, now_ms), Ids.base64url(hash), document)
    end

    # Keep a text as it is, or in base64 where it is not UTF-8.
    def keep(raw, cut, event, about)
      text = text_of(raw, cut)
      text ? event["original"] = text : about["raw_base64"] = [raw].pack("m0")
    end
    private_class_method :keep

    # A character that the cut went through is no fault.
    def text_of(raw, cut)
      fault = Utf8.fault(raw)
      return raw.dup.force_encoding(Encoding::UTF_8) if fault.nil?

      raw.byteslice(0, fault).force_encoding(Encoding::UTF_8) if cut && fault > raw.bytesize - 4
    end
    private_class_method :text_of
  end
end
