import ArgumentParser
import Logging

/// How much a process says on its standard error.
struct LogOptions: ParsableArguments {
    @Option(help: "How much to log: trace, debug, info, notice, warning, error, critical.")
    var logLevel = "notice"

    func validate() throws {
        guard Logger.Level(rawValue: logLevel) != nil else {
            throw ValidationError("--log-level is '\(logLevel)', but must be one of trace ... critical")
        }
    }

    var logger: Logger {
        var logger = Logger(label: "punica") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = Logger.Level(rawValue: logLevel) ?? .notice
        return logger
    }
}
