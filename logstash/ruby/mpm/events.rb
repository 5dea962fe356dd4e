# frozen_string_literal: true

require_relative "utf8"

module MPM
  # Between Logstash's events and the rules, which know bytes, texts and hashes only.
  #
  # `[@metadata][mpm]` goes with an event from script to script. An input sets `input`; receive.rb sets `kind`, `source`
  # (where the event came from, in words), `path` (of the file, the request or the object), `line`, `received` (ms),
  # `encoding`, and `headers` of a CloudEvent in binary mode; who rejects an event sets `rejected` {code, reason}.
  # A finished document has `index`, `id`, and `raw`, the text that it was made of.
  #
  # From receive.rb on, `message` holds bytes, one character a byte, so that every byte survives: `encoding` is `bytes`.
  module Events
    ABOUT = "[@metadata][mpm]"
    BYTES = "bytes"
    # The inputs whose codec reads bytes as ISO-8859-1. http and Beats give texts.
    READ_AS_BYTES = %w[tcp file kafka s3].freeze
    private_constant :READ_AS_BYTES

    module_function

    def now_ms
      java.lang.System.currentTimeMillis
    end

    def about(event)
      about = event.get(ABOUT)
      about.is_a?(Hash) ? about : {}
    end

    # Give the bytes of `message`, or of another field.
    def bytes(event, about, field = "message")
      text = event.get(field).to_s
      return text.b if text.ascii_only? || !bytes?(about)

      text.encode(Encoding::ISO_8859_1).b
    rescue EncodingError
      text.b
    end

    def bytes?(about)
      about["encoding"] == BYTES || READ_AS_BYTES.include?(about["input"])
    end
    private_class_method :bytes?

    # Give bytes as a text of one character a byte.
    def characters(bytes)
      text = bytes.dup
      return text.force_encoding(Encoding::UTF_8) if text.ascii_only?

      text.force_encoding(Encoding::ISO_8859_1).encode(Encoding::UTF_8)
    end

    # Make an event that carries raw bytes on.
    def raw(bytes, about)
      LogStash::Event.new(
        "message" => characters(bytes), "@metadata" => { "mpm" => about.merge("encoding" => BYTES) }
      )
    end

    # Make an event whose fields are exactly those of a document. In the last pipeline only: a queue adds `@version`.
    def document(stored, about)
      event = LogStash::Event.new(
        stored.document.merge("@metadata" => { "mpm" => about.merge("index" => stored.index, "id" => stored.id) })
      )
      event.remove("@version")
      event
    end
  end
end
