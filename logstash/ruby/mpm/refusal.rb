# frozen_string_literal: true

require_relative "reasons"

module MPM
  # Reads what the elasticsearch output writes into the dead-letter queue: a sentence with the whole answer in it, as
  # Ruby shows it.
  module Refusal
    ANSWER = ", response: "
    REASON = /"reason"\s*=>\s*"((?:[^"\\]|\\.)*)"/m
    SIGNS = { "n" => "\n", "t" => "\t", "r" => "\r" }.freeze
    private_constant :ANSWER, :REASON, :SIGNS

    module_function

    # Give Elasticsearch's own sentence, with the cause behind it.
    def read(text)
      answer = text[(text.rindex(ANSWER) || 0)..]
      reason, cause = answer.scan(REASON).flatten.map { |found| unescaped(found) }
      reason ||= text
      reason = "#{reason}: #{cause}" unless cause.nil? || reason.include?(cause)
      reason[0, REFUSAL_MAX]
    end

    def unescaped(text)
      text.gsub(/\\(.)/m) { SIGNS.fetch(Regexp.last_match(1), Regexp.last_match(1)) }
    end
    private_class_method :unescaped
  end
end
