# frozen_string_literal: true

require "digest"

module MPM
  # Deterministic document ids and the sample bucket: mpm_elk/contract/ids.py.
  module Ids
    BUCKETS = 1000

    module_function

    # Write texts as netstrings: two different lists never share a form.
    def canonical(*texts)
      texts.map { |text| "#{text.bytesize}:".b << text.b << "," }.join
    end

    # Hash texts to a document id of 43 characters.
    def digest(*texts)
      base64url(Digest::SHA256.digest(canonical(*texts)))
    end

    def prediction_id(environment, model, version, prediction, ms)
      digest(environment, model, version, prediction, ms.to_s)
    end

    # Put a prediction into one of 1000 sample buckets.
    def bucket(prediction)
      Digest::SHA256.digest(prediction).unpack1("Q>") % BUCKETS
    end

    # Base64 for URLs, without padding.
    def base64url(bytes)
      [bytes].pack("m0").tr("+/", "-_").delete("=")
    end
  end
end
