package import Adapters
import ChatTemplates
package import Core
package import Frontend
import JSON
import Tokenization

/// A model whose tokens are bytes: id = byte, then `<eos>` 256 and `<bos>` 257.
package enum TestModel {
    package static let endOfSequence = TokenID(256)

    package static func token(_ byte: UInt8) -> TokenID { TokenID(Int32(byte)) }

    package static func make(contextLength: Int = 100, hasTemplate: Bool = true) throws -> ServedModel {
        let template = try ChatTemplate(
            source: "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"
                + "{% if add_generation_prompt %}<assistant>{% endif %}"
        )
        return ServedModel(
            names: ["base", "base-alias"],
            tokenizer: try Tokenizer(parsing: [UInt8](tokenizerJSON.encoded().utf8)),
            template: hasTemplate ? template : nil,
            templateVariables: ["bos_token": "<bos>", "eos_token": "<eos>"],
            limits: .init(contextLength: contextLength, vocabularySize: 258, endOfSequenceIDs: [endOfSequence]),
            origin: .init(path: "/models/base", created: 1)
        )
    }

    package static func frontend(
        _ source: ScriptedSource,
        contextLength: Int = 100,
        hasTemplate: Bool = true,
        adapters: any AdapterSource = NoAdapters(),
        pendingLimit: Int = 4096
    ) throws -> Frontend {
        Frontend(
            model: try make(contextLength: contextLength, hasTemplate: hasTemplate),
            source: source,
            adapters: adapters,
            pendingLimit: pendingLimit
        )
    }

    /// A byte-level BPE without merges, in the form of `tokenizer.json`.
    static var tokenizerJSON: JSONValue {
        var vocabulary = JSONObject()
        var next: UInt32 = 256
        for byte in UInt8.min...UInt8.max {
            let isPlain = (33...126).contains(byte) || (161...172).contains(byte) || byte >= 174
            var scalar = UInt32(byte)
            if !isPlain {
                scalar = next
                next += 1
            }
            guard let character = Unicode.Scalar(scalar) else { preconditionFailure("\(scalar) is no scalar") }
            vocabulary[String(character)] = .integer(Int(byte))
        }
        return [
            "version": "1.0",
            "added_tokens": [special("<eos>", 256), special("<bos>", 257)],
            "normalizer": nil,
            "pre_tokenizer": ["type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true],
            "post_processor": nil,
            "decoder": ["type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true],
            "model": [
                "type": "BPE", "dropout": nil, "unk_token": nil, "continuing_subword_prefix": nil,
                "end_of_word_suffix": nil, "fuse_unk": false, "byte_fallback": false, "vocab": .object(vocabulary),
                "merges": [],
            ],
        ]
    }

    private static func special(_ text: String, _ id: Int) -> JSONValue {
        [
            "id": .integer(id), "content": .string(text), "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true,
        ]
    }
}

/// Knows no adapter.
package struct NoAdapters: AdapterSource {
    package init() {}

    package func lease(name: String) async throws(AdapterError) -> AdapterLease {
        throw .unknownAdapter(name: name)
    }
}
