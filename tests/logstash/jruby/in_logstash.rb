# frozen_string_literal: true

# Answers one request inside a real Logstash, with its own events: REQUEST and ANSWER name files.

require "json"
require_relative "event_test"
require_relative "requests"

answer = begin
  facts = Requests.event_facts({})
  { "answer" => { "event_facts" => facts, "cases" => Requests.cases(JSON.parse(File.read(ENV.fetch("REQUEST")))) } }
rescue Exception => error # rubocop:disable Lint/RescueException -- whatever it is, the test is to show it
  { "error" => "#{error.class}: #{error.message}\n#{error.backtrace&.first(20)&.join("\n")}" }
end
File.write(ENV.fetch("ANSWER"), MPM::Writing.json(answer))
