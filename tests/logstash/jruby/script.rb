# frozen_string_literal: true

# A script file as Logstash's ruby filter loads, tests and calls it (logstash-filter-ruby, `path`).
class Script
  # Where a script's methods are defined; it is one object, whatever the number of workers.
  class Context
    def register(_params); end
  end

  # One `test` block.
  class Test
    attr_reader :name

    def initialize(script, name, block)
      @name = name
      @expectations = []
      @parameters = {}
      @context = script.context(testing: true)
      instance_eval(&block)
    end

    def parameters
      @context.register(yield)
    end

    def in_event
      given = yield
      @events = (given.is_a?(Hash) ? [given] : given).map { |fields| LogStash::Event.new(fields) }
    end
    alias in_events in_event

    def expect(name, &block)
      @expectations << [name, block]
    end

    # Give the names of the expectations, each with true, or with what was wrong.
    def run
      results = @events.flat_map { |event| Script.checked(@context.filter(event)) }
      @expectations.to_h { |name, block| ["#{@name}: #{name}", block.call(results) ? true : shown(results)] }
    rescue StandardError, java.lang.Throwable => error
      { @name => "#{error.class}: #{error.message} #{error.backtrace.first(3)}" }
    end

    private

    def shown(results)
      results.map { |event| event.to_hash_with_metadata.inspect }.join("\n")
    end
  end

  def self.checked(results)
    raise "a script must return an array of events" unless results.is_a?(Array) && results.all?(LogStash::Event)

    results
  end

  def initialize(path)
    @path = path
    @content = File.read(path, encoding: Encoding::UTF_8)
    @tests = []
    @context = context(testing: false)
    raise "#{path} defines no filter" unless @context.respond_to?(:filter)
  end

  def context(testing:)
    tests = @tests
    script = self
    context = Context.new
    context.define_singleton_method(:test) { |name, &block| tests << Test.new(script, name, block) unless testing }
    context.instance_eval(@content, @path, 1)
    context
  end

  def register(params)
    @context.register(params)
  end

  def filter(event)
    Script.checked(@context.filter(event))
  end

  def test
    @tests.map(&:run).reduce({}, :merge)
  end
end
