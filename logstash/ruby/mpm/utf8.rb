# frozen_string_literal: true

module MPM
  # Texts as JSON has them. JSON can write half a surrogate pair, which no UTF-8 can hold; such a text is kept as a
  # UTF-8 string with the three bytes that the half would have, so `valid_encoding?` tells it from all others.
  module Utf8
    CHARACTER = /[\x00-\x7F]|[\xC0-\xDF].|[\xE0-\xEF]..|[\xF0-\xF7].../mn
    FOUR_BYTES = "\xF0-\xF7".b.freeze
    # What Unicode calls white space, and U+001C to U+001F.
    BLANK = /\A[\t-\r\u001c-\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*\z/
    private_constant :CHARACTER, :FOUR_BYTES, :BLANK

    module_function

    # Count characters; half a pair is one.
    def length(text)
      text.valid_encoding? ? text.length : text.b.scan(CHARACTER).length
    end

    # Count UTF-16 units, as Elasticsearch does for `ignore_above`.
    def utf16_length(text)
      text.ascii_only? ? text.bytesize : length(text) + text.b.count(FOUR_BYTES)
    end

    # Give the code points of the first characters.
    def points(text, count)
      return text[0, count].codepoints if text.valid_encoding?

      text.b.scan(CHARACTER).first(count).map { |bytes| point(bytes.bytes) }
    end

    def blank?(text)
      first = text.getbyte(0)
      # Nearly every name begins with a letter.
      return false if first&.between?(0x21, 0x7E)

      text.empty? || (text.valid_encoding? && text.match?(BLANK))
    end

    # Cut at the first dot.
    def cut_at_dot(text)
      at = text.byteindex(".")
      [text.byteslice(0, at), text.byteslice(at + 1, text.bytesize)]
    end

    # Give the place of the first byte that is not UTF-8; nil where all is.
    def fault(bytes)
      text = bytes.dup.force_encoding(Encoding::UTF_8)
      return if text.valid_encoding?

      at = 0
      text.each_char do |character|
        return at unless character.valid_encoding?

        at += character.bytesize
      end
    end

    # Give bytes as UTF-8; what is none becomes U+FFFD.
    def lenient(bytes)
      bytes.dup.force_encoding(Encoding::UTF_8).scrub("\u{FFFD}")
    end

    def point(bytes)
      first, *rest = bytes
      return first if rest.empty?

      lead = first & (0x3F >> rest.length)
      rest.reduce(lead) { |point, byte| (point << 6) | (byte & 0x3F) }
    end
    private_class_method :point
  end
end
