# frozen_string_literal: true

require_relative "reasons"

module MPM
  # Reads `@timestamp`: ISO 8601, or a number of seconds or milliseconds since 1970; and writes times.
  module Timestamps
    ISO = /\A([0-9]{4})-([0-9]{2})-([0-9]{2})
           (?:[T ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,9}))?)?
           (?:(Z)|([+-])([0-9]{2})(?::?([0-9]{2}))?)?)?\z/x
    DAY_MS = 86_400_000
    SECONDS_BELOW = 1e11
    FIRST_MS = -62_135_596_800_000 # the year 1
    LAST_MS = 253_402_300_799_999  # the end of the year 9999, which is as far as ISO 8601 goes
    MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31].freeze
    private_constant :ISO, :SECONDS_BELOW, :FIRST_MS, :LAST_MS, :MONTH_DAYS

    module_function

    # Give a time in ms since 1970, rounded down; raises Rejected.
    #
    # A text without a zone is UTC. A number below 1e11 is in seconds, above in milliseconds; it is read to the
    # microsecond first, so that the double next to `1763892000.123` does not lose a millisecond. Times before 1970 are
    # never accepted.
    def read(value, now_ms:, limits:)
      ms = value.is_a?(String) ? from_text(value) : from_number(value)
      raise Rejected.new("bad_timestamp", found: Show.value(value)) if ms.nil? || ms > LAST_MS

      newest = now_ms + limits.max_ahead_ms
      raise Rejected.new("timestamp_too_new", found: iso(ms), limit: iso(newest)) if ms > newest

      oldest = limits.max_age_ms ? [0, now_ms - limits.max_age_ms].max : 0
      raise Rejected.new("timestamp_too_old", found: say(ms, value), limit: iso(oldest)) if ms < oldest

      ms
    end

    # Write a time as `2026-11-23T10:00:00.123Z`.
    def iso(ms)
      days, rest = ms.divmod(DAY_MS)
      seconds, rest = rest.divmod(1000)
      format("%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", *civil(days), seconds / 3600, seconds / 60 % 60, seconds % 60, rest)
    end

    # Name the UTC month of a time: `2026.11`.
    def month(ms)
      year, month, = civil(ms.div(DAY_MS))
      format("%04d.%02d", year, month)
    end

    def from_text(text)
      return unless text.valid_encoding?

      match = ISO.match(text)
      return unless match

      year, month, day, hour, minute, second = match.captures.first(6).map(&:to_i)
      return unless date?(year, month, day) && hour < 24 && minute < 60 && second < 60

      ms = (((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second) * 1000
      ms += match[7][0, 3].ljust(3, "0").to_i if match[7]
      match[9] ? shifted(ms, match[9], match[10].to_i, match[11].to_i) : ms
    end
    private_class_method :from_text

    def shifted(ms, sign, hours, minutes)
      return if hours > 23 || minutes > 59

      offset = (hours * 60 + minutes) * 60_000
      sign == "-" ? ms + offset : ms - offset
    end
    private_class_method :shifted

    def from_number(value)
      case value
      when Integer then value.abs < SECONDS_BELOW ? value * 1000 : value
      when Float
        microseconds = value.abs < SECONDS_BELOW ? value * 1e6 : value * 1e3
        (microseconds + 0.5).floor.div(1000) if microseconds.finite?
      end
    end
    private_class_method :from_number

    def say(ms, value)
      ms < FIRST_MS ? Show.value(value) : iso(ms)
    end
    private_class_method :say

    def date?(year, month, day)
      return false unless year >= 1 && month.between?(1, 12)

      last = month == 2 && leap?(year) ? 29 : MONTH_DAYS[month - 1]
      day.between?(1, last)
    end
    private_class_method :date?

    def leap?(year)
      (year % 4).zero? && (!(year % 100).zero? || (year % 400).zero?)
    end
    private_class_method :leap?

    # Days since 1970 of a date, and back (Howard Hinnant, chrono-compatible low-level date algorithms).
    def days(year, month, day)
      year -= 1 if month <= 2
      era, year_of_era = year.divmod(400)
      day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
      era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
    end
    private_class_method :days

    def civil(days)
      era, day_of_era = (days + 719_468).divmod(146_097)
      year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365
      day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100)
      shifted = (5 * day_of_year + 2) / 153
      month = shifted < 10 ? shifted + 3 : shifted - 9
      [year_of_era + era * 400 + (month <= 2 ? 1 : 0), month, day_of_year - (153 * shifted + 2) / 5 + 1]
    end
    private_class_method :civil
  end
end
