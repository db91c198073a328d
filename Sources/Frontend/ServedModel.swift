package import ChatTemplates
package import Core
package import JSON
package import Tokenization

/// The base model as frontends know it: its names, its text, its bounds.
///
/// No weights.
package struct ServedModel: Sendable {
    /// Names that mean the bare base; the first is shown to clients.
    ///
    /// At least one.
    package let names: [String]
    package let tokenizer: Tokenizer
    /// Nil if the model has none; chat requests are then refused.
    package let template: ChatTemplate?
    /// What every rendering may read, such as `bos_token` and `eos_token`.
    package let templateVariables: JSONObject
    package let limits: Limits
    package let origin: Origin

    /// Bounds that requests are checked against.
    package struct Limits: Sendable, Equatable {
        /// Tokens that prompt and answer together may have.
        package let contextLength: Int
        /// Rows of the output head; a tokenizer may know fewer tokens.
        package let vocabularySize: Int
        package let endOfSequenceIDs: [TokenID]

        package init(contextLength: Int, vocabularySize: Int, endOfSequenceIDs: [TokenID]) {
            self.contextLength = contextLength
            self.vocabularySize = vocabularySize
            self.endOfSequenceIDs = endOfSequenceIDs
        }
    }

    /// Where the model was loaded from, and when.
    package struct Origin: Sendable, Equatable {
        package let path: String
        /// Seconds since 1970.
        package let created: Int

        package init(path: String, created: Int) {
            self.path = path
            self.created = created
        }
    }

    package init(
        names: [String],
        tokenizer: Tokenizer,
        template: ChatTemplate?,
        templateVariables: JSONObject,
        limits: Limits,
        origin: Origin
    ) {
        precondition(!names.isEmpty, "a served model needs a name")
        self.names = names
        self.tokenizer = tokenizer
        self.template = template
        self.templateVariables = templateVariables
        self.limits = limits
        self.origin = origin
    }

    package var name: String { names[0] }
}
