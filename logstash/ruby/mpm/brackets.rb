# frozen_string_literal: true

module MPM
  # The structure of JSON text without reading it: where values end, and how deep they nest. Only strings and brackets
  # are looked at, so a fault inside one element of an array does not hide the others. All texts are binary strings.
  module Brackets
    TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{},]/mn
    OPENS = "[{"
    CLOSES = "]}"
    COMMA = ","
    private_constant :TOKEN, :OPENS, :CLOSES, :COMMA

    module_function

    # Tell whether brackets nest deeper than `limit` levels.
    def deeper_than?(text, limit)
      # Counting brackets is cheap, and few texts have enough of them to be too deep.
      return false if text.count(OPENS) <= limit

      depth = 0
      each_token(text) do |token|
        depth += step(token)
        return true if depth > limit
      end
      false
    end

    # Tell whether the object or array that `text` starts with ends in it.
    def ends?(text)
      depth = 0
      each_token(text) do |token|
        depth += step(token)
        return true if depth <= 0 && CLOSES.include?(token)
      end
      false
    end

    # Cut the text of an array at its commas; what is blank is left out. What stands behind the array's end is one more
    # element, and an array without an end ends with the text: nothing of it is lost.
    def elements(array)
      found = []
      start = 1
      depth = 0
      each_token(array) do |token, from, after|
        depth += step(token)
        next if OPENS.include?(token)

        if depth.zero? || (token == COMMA && depth == 1)
          found << strip(array.byteslice(start, from - start))
          start = after
        end
        break if depth.zero?
      end
      found << strip(array.byteslice(start, array.bytesize))
      found.reject(&:empty?)
    end

    # Take JSON's white space off both ends.
    def strip(text)
      from = 0
      to = text.bytesize
      from += 1 while from < to && space?(text.getbyte(from))
      to -= 1 while to > from && space?(text.getbyte(to - 1))
      from.zero? && to == text.bytesize ? text : text.byteslice(from, to - from)
    end

    def space?(byte)
      byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
    end

    # Give the brackets and commas outside strings, with their places. A string begins with a quote, and is passed over.
    def each_token(text)
      at = 0
      while (match = TOKEN.match(text, at))
        at = match.end(0)
        token = match[0]
        yield token, match.begin(0), at unless token.start_with?('"')
      end
    end

    def step(token)
      if OPENS.include?(token) then 1
      elsif CLOSES.include?(token) then -1
      else 0
      end
    end

    private_class_method :space?, :each_token, :step
  end
end
