# frozen_string_literal: true

require_relative "events"

module MPM
  # Where an event came from, by what Logstash's inputs write down (ECS v8).
  module Origin
    HEADERS = "[@metadata][input][http][request][headers]"
    TCP = "[@metadata][input][tcp][source]"
    REPLACEMENT = "\u{FFFD}".b.freeze
    # The charset by which the http input makes a character of every byte.
    OF_BYTES = /;\s*charset\s*=\s*"?iso-8859-1\b/i
    private_constant :HEADERS, :TCP, :OF_BYTES

    module_function

    # Give the headers of an HTTP request; Logstash writes their names in lower case with `_` for `-`.
    def headers(event)
      headers = event.get(HEADERS)
      return {} unless headers.is_a?(Hash)

      headers.to_h { |name, text| [name.downcase.tr("_", "-"), text.to_s] }
    end

    # Give the bytes that an input read.
    def body(event, about)
      bytes = about["input"] == "http" && OF_BYTES.match?(headers(event)["content-type"])
      Events.bytes(event, bytes ? about.merge("encoding" => Events::BYTES) : about)
    end

    # Tell whether bytes that are no UTF-8 were lost on the way: the http input puts U+FFFD in their place.
    def lossy?(headers, body)
      length = headers["content-length"]
      body.include?(REPLACEMENT) && /\A[0-9]+\z/.match?(length.to_s) && length.to_i != body.bytesize
    end

    # Give the path of the file, of the request, or the key of the object; nil where there is none.
    def path(event, about)
      case about["input"]
      when "http" then text(event, "[url][path]")
      when "s3" then text(event, "[@metadata][s3][key]")
      when "tcp", "kafka" then nil
      else text(event, "[log][file][path]") || text(event, "[url][path]")
      end
    end

    # Say where the event came from; nil where nothing tells.
    def source(event, about, path)
      case about["input"]
      when "http" then join(text(event, "[host][ip]"), path, "")
      when "beats" then join(text(event, "[host][name]") || text(event, "[agent][name]"), path, ":")
      when "tcp" then join(text(event, "#{TCP}[ip]"), event.get("#{TCP}[port]")&.to_s, ":")
      when "kafka" then text(event, "[@metadata][kafka][topic]")
      else path
      end
    end

    def text(event, field)
      value = event.get(field)
      value if value.is_a?(String) && !value.empty?
    end
    private_class_method :text

    def join(first, second, between)
      [first, second].compact.join(between).then { |joined| joined unless joined.empty? }
    end
    private_class_method :join
  end
end
