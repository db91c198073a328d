package import Core

/// A directory that frontends publish into and runners read from, such as a shared file system's.
///
/// Adapters lie in it as `ROOT/<digest, 64 hexadecimal digits>/{adapter_config.json,adapter_model.safetensors}`; one
/// whose directory has its final name is whole.
package struct DirectoryOrigin: AdapterOrigin {
    package let root: String
    package let limits: AdapterFileLimits

    /// - Parameter root: need not exist before the first `publish`.
    package init(root: String, limits: AdapterFileLimits = .init()) {
        self.root = root
        self.limits = limits
    }

    package func fetch(_ digest: AdapterDigest, into directory: String) async throws(AdapterExchangeError) {
        try await onOwnThread {
            Result { () throws(AdapterExchangeError) in
                guard isPublished(digest) else { throw .notFound(digest: digest, origin: root) }
                try AdapterDirectory.copy(from: path(digest), into: directory, limits: limits)
            }
        }
    }

    /// Copies an adapter's directory to where runners find it; other processes see either all of it or nothing.
    ///
    /// - Parameter digest: of the content as it was loaded; runners refuse the adapter if the files hold anything else.
    /// - Returns: false if it was published before.
    @discardableResult
    package func publish(directory: String, digest: AdapterDigest) async throws(AdapterExchangeError) -> Bool {
        let partial = "\(root)/.publishing-\(digest.short)-\(UInt64.random(in: .min ... .max))"
        return try await onOwnThread {
            Result { () throws(AdapterExchangeError) in
                guard !isPublished(digest) else { return false }
                try AdapterDirectory.createAll(root)
                defer { AdapterDirectory.remove(partial) }
                try AdapterDirectory.create(partial)
                try AdapterDirectory.copy(from: directory, into: partial, limits: limits)
                return try AdapterDirectory.rename(partial, to: path(digest))
            }
        }
    }

    /// Opens a file of a published adapter; nil if the adapter is not published. Blocks.
    package func open(_ file: AdapterFile, of digest: AdapterDigest) throws(AdapterExchangeError) -> AdapterFileReader?
    {
        guard isPublished(digest) else { return nil }
        return try AdapterFileReader(directory: path(digest), file: file, limit: limits[file])
    }

    package func isPublished(_ digest: AdapterDigest) -> Bool { (try? AdapterDirectory.names(in: path(digest))) != nil }

    private func path(_ digest: AdapterDigest) -> String { root + "/" + digest.hex }
}
