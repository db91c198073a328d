internal import ChatTemplates
internal import Core
internal import Foundation
package import Frontend
internal import JSON
internal import Tokenization
package import Weights

/// How a model's weights are come by.
package enum LoadFormat: String, Sendable, CaseIterable {
    /// From the directory's safetensors files.
    case auto
    /// Made up at random in the shapes of `config.json`, for measuring.
    case dummy
}

/// A Hugging Face model directory as it lies on disk.
///
///     config.json                     sizes (required)
///     *.safetensors                   weights, unless they are made up
///     tokenizer.json                  text (required)
///     tokenizer_config.json           special tokens, and the chat template of most models
///     chat_template.jinja             the chat template of newer ones; goes before the other
///     generation_config.json          end-of-sequence ids
package struct ModelDirectory: Sendable {
    package let path: String
    package let configuration: ModelConfiguration
    package let checkpoint: Checkpoint
    private let tokenizer: Tokenizer
    private let template: ChatTemplate?
    private let templateVariables: JSONObject

    /// Reads everything but the weights' bytes.
    ///
    /// - Parameter loadFormat: nil does without weights: `checkpoint` is empty, as a frontend of a cluster needs none.
    /// - Throws: `ServingError`, and the errors of the modules that read each file.
    package init(path: String, loadFormat: LoadFormat? = .auto) throws {
        self.path = path
        configuration = try ModelConfiguration(
            parsing: try Self.read("config.json", in: path),
            generation: try? Self.read("generation_config.json", in: path)
        )
        checkpoint =
            switch loadFormat {
            case .auto: try Checkpoint(directory: path)
            case nil: Checkpoint(tensors: [:], directory: path)
            case .dummy: Checkpoint.dummy(configuration: configuration, seed: 0, type: configuration.scalarType)
            }
        tokenizer = try Tokenizer(parsing: try Self.read("tokenizer.json", in: path))
        let settings = try Self.readSettings(in: path)
        template = try Self.templateSource(in: path, settings: settings).map { try ChatTemplate(source: $0) }
        templateVariables = Self.specialTokens(settings)
    }

    /// The model as frontends know it.
    ///
    /// - Parameters:
    ///   - names: names that mean the bare base; empty takes the directory's own name.
    ///   - contextLength: longest prompt and answer together.
    package func servedModel(names: [String], contextLength: Int) -> ServedModel {
        ServedModel(
            names: names.isEmpty ? [URL(filePath: path).standardizedFileURL.lastPathComponent] : names,
            tokenizer: tokenizer,
            template: template,
            templateVariables: templateVariables,
            limits: .init(
                contextLength: contextLength,
                vocabularySize: configuration.vocabularySize,
                endOfSequenceIDs: configuration.endOfSequenceIDs
            ),
            origin: .init(path: path, created: Int(Date.now.timeIntervalSince1970))
        )
    }

    private static func read(_ name: String, in directory: String) throws -> [UInt8] {
        let path = directory + "/" + name
        guard let data = FileManager.default.contents(atPath: path) else { throw ServingError.unreadable(path: path) }
        return Array(data)
    }

    private static func readSettings(in directory: String) throws -> JSONObject {
        guard let bytes = try? read("tokenizer_config.json", in: directory) else { return JSONObject() }
        do {
            return try JSONValue(parsing: bytes, limits: JSONLimits(allowsDuplicateKeys: true)).object ?? JSONObject()
        } catch {
            throw ServingError.malformed(path: directory + "/tokenizer_config.json", reason: "\(error)")
        }
    }

    /// The template in a file of its own, or in the settings: one, or the one named `default` of several.
    private static func templateSource(in directory: String, settings: JSONObject) throws -> String? {
        if let bytes = try? read("chat_template.jinja", in: directory) { return String(decoding: bytes, as: UTF8.self) }
        guard let value = settings["chat_template"], !value.isNull else { return nil }
        if let text = value.string { return text }
        let named = value.array?.first { $0["name"]?.string == "default" } ?? value.array?.first
        guard let text = named?["template"]?.string else {
            let path = directory + "/tokenizer_config.json"
            throw ServingError.malformed(
                path: path,
                reason: "'chat_template' is neither a text nor a list of templates"
            )
        }
        return text
    }

    /// `bos_token` and its like: each a text, or an object with the text as `content`.
    private static func specialTokens(_ settings: JSONObject) -> JSONObject {
        var variables = JSONObject()
        for key in ["bos_token", "eos_token", "pad_token", "unk_token"] {
            guard let text = settings[key]?.string ?? settings[key]?["content"]?.string else { continue }
            variables[key] = .string(text)
        }
        return variables
    }
}
