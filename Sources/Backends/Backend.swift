package import Core
package import Sampling

/// The operations a model is written in, on one device.
///
/// Letters of shapes: `T` rows of the step, `E` hidden size, `H` query heads, `G` key/value
/// heads, `D` head size, `F` feed-forward size, `V` vocabulary, `P` block size.
/// A backend belongs to one thread. Operations are issued in order; a device may run them later, but `takeSamples`
/// waits. What goes wrong on the device in between is told by `takeSamples`, `hasSampled`,
/// `hasLanded`, `checkHealth` and `finish`.
package protocol Backend: ~Copyable {
    /// A dense weight `[outputs, inputs]`, or several stacked along their outputs.
    associatedtype Matrix
    /// Numbers such as norm weights and biases, in float32.
    associatedtype Vector
    /// Room for activations `[rows, width]`.
    associatedtype Rows

    /// Stacks `parts`, each `[outputs, inputs]` with equal inputs, along their outputs.
    ///
    /// - Parameter target: whose updates come with its products; nil where the matrix is only looked up in.
    mutating func makeMatrix(_ parts: [HostTensor], for target: AdapterTarget?) -> Matrix
    /// Joins `parts`, each one-dimensional.
    mutating func makeVector(_ parts: [HostTensor]) -> Vector
    mutating func makeRows(_ count: Int, width: Int, _ kind: RowsKind) -> Rows
    /// Makes room for the keys and values of all layers; called once.
    mutating func makeKVCache(_ shape: KVShape)
    /// Takes the tables of rotary position embedding, each `[positions, D / 2]`; called once.
    mutating func makeRotaryTables(_ tables: RotaryTables)

    /// What of the KV cache's memory an adapter would take.
    func footprint(of adapter: AdapterWeights) -> AdapterFootprint
    /// Begins to bring an adapter onto the device, into blocks of the KV cache that nothing else uses until `remove`.
    ///
    /// - Parameter blocks: as many as its footprint says, ascending.
    /// - Returns: nil when no slot is free.
    mutating func install(_ adapter: AdapterWeights, in blocks: [BlockID]) -> AdapterSlot?
    /// Whether an adapter has arrived; only then may a step name its slot.
    ///
    /// - Throws: what made the device unusable, such as a copy that failed.
    mutating func hasLanded(_ slot: AdapterSlot) throws(BackendError) -> Bool
    /// Takes an adapter off the device. No later step may name the slot, and its blocks are free when this returns.
    mutating func remove(_ slot: AdapterSlot)

    /// Lets a device get ready for steps before the first one: time its products, record forward passes.
    ///
    /// Called once, when everything is loaded. `pass` issues the operations of a forward pass, as for `forward`.
    mutating func prepare(_ pass: (inout Self) -> Rows)
    /// Whether a step may be issued while the one before it runs, so that its batch names tokens that are still to be
    /// chosen (`TokenID.awaited`). Steps are two at most, from their `forward` until their samples are taken.
    var runsAhead: Bool { get }
    /// Takes the step's inputs and has `pass` issue the operations of one forward pass over them.
    ///
    /// A device may record what `pass` issues and replay it at later steps of the same size instead of calling it.
    ///
    /// - Parameter requests: those that `sample` will be given, if it is to follow.
    /// - Returns: what `pass` returned when it was last called for steps of this size.
    mutating func forward(
        _ batch: borrowing Batch,
        choosing requests: borrowing [SamplingRequest],
        _ pass: (inout Self) -> Rows
    ) -> Rows
    /// `x[t] = table[token[t]]`, with the adapters' embedding updates. `x` is the residual stream `[T, E]`.
    mutating func embed(_ table: Matrix, into x: Rows)
    /// `x += delta` if there is one, then `y = x / rms(x) · weight`. `x` is the residual stream.
    mutating func normalize(_ x: Rows, adding delta: Rows?, by norm: Norm<Vector>, into y: Rows)
    /// The same for the wanted rows, which come to the front of `y`; `x` may keep what it had.
    mutating func normalizeWanted(_ x: Rows, adding delta: Rows?, by norm: Norm<Vector>, into y: Rows)
    /// `y = x · Wᵀ`, then each segment's low-rank update of `target`, then `+ bias`.
    mutating func multiply(
        _ x: Rows,
        by weight: Matrix,
        bias: Vector?,
        target: AdapterTarget,
        into y: Rows
    )
    /// `y = silu(gate) · up` for `[gate | up] = x · Wᵀ` with each segment's low-rank updates.
    ///
    /// - Parameter between: room for `[T, 2F]`, for devices that need it.
    mutating func multiplyGated(
        _ x: Rows,
        by gateUp: Matrix,
        target: AdapterTarget,
        through between: Rows,
        into y: Rows
    )
    /// Adds a product, summed over the ranks, to the residual stream.
    ///
    /// - Parameter delta: room for `[T, E]`, for devices that need it.
    /// - Returns: what is still to be added, by whoever reads the residual stream next; nil where all is done.
    mutating func add(
        _ product: Product<Rows, Matrix, Vector>,
        through delta: Rows,
        to residual: Rows
    ) -> Rows?
    /// `add`, then `normalize`; what is left in `normalized` is the affair of the device's products.
    mutating func addAndNormalize(
        _ product: Product<Rows, Matrix, Vector>,
        through delta: Rows,
        to residual: Rows,
        by norm: Norm<Vector>,
        into normalized: Rows
    )
    /// Replaces the step's rows of `y` by their sum over the ranks of a split model; nothing on a single rank.
    ///
    /// Every rank gets the same bits.
    mutating func sumOverRanks(_ y: Rows)
    /// Normalizes every head of `heads` heads from column `column` of `x` on (Qwen3's query and key norms).
    mutating func normalizeHeads(_ x: Rows, column: Int, heads: Int, by norm: Norm<Vector>)
    /// Rotates queries and keys in `qkv` `[T, (H + 2G)·D]`, appends keys and values to the cache of `layer`, and attends:
    /// causal attention of the step's queries over that cache. `output` is `[T, H·D]`; what is left in `qkv` is the
    /// device's own affair.
    mutating func appendAndAttend(_ qkv: Rows, layer: Int, shape: AttentionShape, into output: Rows)
    /// `y = silu(gate) · up` for `x = [gate | up]` `[T, 2F]`.
    mutating func gate(_ x: Rows, into y: Rows)
    /// Chooses a token for each wanted row. `logits` is `[wanted rows, V]` and is overwritten.
    ///
    /// - Parameter requests: those that the step's `forward` was given, for the last time.
    mutating func sample(_ logits: Rows, _ requests: borrowing [SamplingRequest])
    /// Whether `takeSamples` would not wait.
    ///
    /// - Throws: as `takeSamples`.
    mutating func hasSampled() throws(BackendError) -> Bool
    /// Waits for the oldest step whose tokens have not been taken.
    ///
    /// - Parameter outputs: replaced by one entry for each wanted row; nil where no token had a finite logit.
    /// - Throws: what made the device unusable since the step began.
    mutating func takeSamples(into outputs: inout [SampledToken?]) throws(BackendError)
    /// Tells what has made the device unusable so far, without waiting.
    mutating func checkHealth() throws(BackendError)
    /// Waits for all steps, such as those whose tokens nobody chooses: those of ranks but the first.
    ///
    /// - Throws: as `takeSamples`.
    mutating func finish() throws(BackendError)
}

/// A device that can no longer be used.
package struct BackendError: Error, Equatable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

/// What `multiply` makes of rows.
package struct Product<Rows, Matrix, Vector> {
    package let x: Rows
    package let weight: Matrix
    package let bias: Vector?
    package let target: AdapterTarget

    package init(_ x: Rows, by weight: Matrix, bias: Vector?, target: AdapterTarget) {
        self.x = x
        self.weight = weight
        self.bias = bias
        self.target = target
    }
}

/// What rows hold.
package enum RowsKind: Sendable {
    /// What passes from one operation to the next.
    case activations
    /// The same, where products of projections read it.
    case inputs
    /// The residual stream, to which every layer adds.
    case residual
    case logits
}

/// Division by the root mean square: `y = x / sqrt(mean(x²) + epsilon) · weight`.
package struct Norm<Vector> {
    package let weight: Vector
    package let epsilon: Float

    package init(weight: Vector, epsilon: Float) {
        self.weight = weight
        self.epsilon = epsilon
    }
}

/// Sizes of the KV cache.
package struct KVShape: Sendable, Equatable {
    package var layers: Int
    package var blocks: Int
    package var blockSize: Int
    /// Key/value heads.
    package var heads: Int
    package var headSize: Int

    package init(layers: Int, blocks: Int, blockSize: Int, heads: Int, headSize: Int) {
        self.layers = layers
        self.blocks = blocks
        self.blockSize = blockSize
        self.heads = heads
        self.headSize = headSize
    }
}

/// Sizes of one layer's attention.
package struct AttentionShape: Sendable, Equatable {
    package var heads: Int
    package var keyValueHeads: Int
    package var headSize: Int
    /// A query sees this many positions, itself included; nil sees all before it.
    package var window: Int?

    package init(heads: Int, keyValueHeads: Int, headSize: Int, window: Int?) {
        self.heads = heads
        self.keyValueHeads = keyValueHeads
        self.headSize = headSize
        self.window = window
    }
}

/// Cosines and sines of rotary position embedding, each `[positions, D / 2]`.
package struct RotaryTables: Sendable {
    package let cosines: [Float]
    package let sines: [Float]

    package init(cosines: [Float], sines: [Float]) {
        self.cosines = cosines
        self.sines = sines
    }
}

/// What sampling needs to know of the sequence behind one wanted row.
package struct SamplingRequest {
    package let parameters: SamplingParameters
    /// Prompt and output so far; valid until the step is issued. Where the backend runs ahead the last may be awaited
    /// (`TokenID.awaited`).
    package let history: UnsafeBufferPointer<TokenID>
    package let promptCount: Int
    /// Ids that may not be chosen now.
    package let banned: [TokenID]

    package init(
        parameters: SamplingParameters,
        history: UnsafeBufferPointer<TokenID>,
        promptCount: Int,
        banned: [TokenID]
    ) {
        self.parameters = parameters
        self.history = history
        self.promptCount = promptCount
        self.banned = banned
    }
}
