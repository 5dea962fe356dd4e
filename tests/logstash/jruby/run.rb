# frozen_string_literal: true

# Runs the bundle's scripts on JRuby: reads one request a line as JSON from standard input, answers each with a line.

require "json"
require_relative "event"
require_relative "event_test"
require_relative "requests"

$stdout.sync = true
$stdin.each_line do |line|
  request = JSON.parse(line)
  answer = begin
    { "answer" => Requests.public_send(request.fetch("op"), request) }
  rescue Exception => error # rubocop:disable Lint/RescueException -- whatever it is, the test is to show it
    { "error" => "#{error.class}: #{error.message}\n#{error.backtrace&.first(20)&.join("\n")}" }
  end
  $stdout.puts(MPM::Writing.json(answer))
end
