#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A local date and time of day, as `strftime_now` prints it.
package struct CalendarTime: Sendable, Equatable {
    package var year: Int
    /// 1...12.
    package var month: Int
    /// 1...31.
    package var day: Int
    /// 0...23.
    package var hour: Int
    package var minute: Int
    package var second: Int

    package init(year: Int, month: Int, day: Int, hour: Int = 0, minute: Int = 0, second: Int = 0) {
        precondition((1...12).contains(month) && (1...31).contains(day), "no date: \(year)-\(month)-\(day)")
        self.year = year
        self.month = month
        self.day = day
        self.hour = hour
        self.minute = minute
        self.second = second
    }

    /// The system's clock in its time zone.
    package static func now() -> CalendarTime {
        var seconds = time(nil)
        var parts = tm()
        localtime_r(&seconds, &parts)
        return CalendarTime(
            year: Int(parts.tm_year) + 1900,
            month: Int(parts.tm_mon) + 1,
            day: Int(parts.tm_mday),
            hour: Int(parts.tm_hour),
            minute: Int(parts.tm_min),
            second: Int(parts.tm_sec)
        )
    }
}

extension CalendarTime {
    private static let months = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
        "December",
    ]
    private static let weekdays = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]

    /// `strftime` of the C locale; an unknown directive stands for itself, `%-d` drops the padding.
    func formatted(_ format: String) -> String {
        var result = ""
        var rest = format.unicodeScalars[...]
        while let scalar = rest.popFirst() {
            guard scalar == "%", let mark = rest.first else {
                result.unicodeScalars.append(scalar)
                continue
            }
            rest.removeFirst()
            if mark == "-", let directive = rest.first, let (value, _, _) = number(directive) {
                rest.removeFirst()
                result += String(value)
            } else {
                result += text(mark)
            }
        }
        return result
    }

    private func text(_ directive: Unicode.Scalar) -> String {
        if let (value, width, padding) = number(directive) {
            let digits = String(value)
            return String(repeating: padding, count: max(0, width - digits.utf8.count)) + digits
        }
        switch directive {
        case "a": return String(Self.weekdays[weekday].prefix(3))
        case "A": return Self.weekdays[weekday]
        case "b", "h": return String(Self.months[month - 1].prefix(3))
        case "B": return Self.months[month - 1]
        case "c": return formatted("%a %b %e %H:%M:%S %Y")
        case "D", "x": return formatted("%m/%d/%y")
        case "F": return formatted("%Y-%m-%d")
        case "n": return "\n"
        case "p": return hour < 12 ? "AM" : "PM"
        case "R": return formatted("%H:%M")
        case "r": return formatted("%I:%M:%S %p")
        case "T", "X": return formatted("%H:%M:%S")
        case "t": return "\t"
        case "z", "Z": return ""
        case "%": return "%"
        default: return "%\(directive)"
        }
    }

    /// A numeric directive's value, width and padding.
    private func number(_ directive: Unicode.Scalar) -> (value: Int, width: Int, padding: String)? {
        switch directive {
        case "C": (year / 100, 2, "0")
        case "d": (day, 2, "0")
        case "e": (day, 2, " ")
        case "f": (0, 6, "0")
        case "H": (hour, 2, "0")
        case "I": ((hour + 11) % 12 + 1, 2, "0")
        case "j": (dayOfYear, 3, "0")
        case "k": (hour, 2, " ")
        case "l": ((hour + 11) % 12 + 1, 2, " ")
        case "M": (minute, 2, "0")
        case "m": (month, 2, "0")
        case "S": (second, 2, "0")
        case "U": ((dayOfYear + 6 - weekday) / 7, 2, "0")
        case "u": ((weekday + 6) % 7 + 1, 1, "0")
        case "W": ((dayOfYear + 6 - (weekday + 6) % 7) / 7, 2, "0")
        case "w": (weekday, 1, "0")
        case "Y": (year, 1, "0")
        case "y": (year % 100, 2, "0")
        default: nil
        }
    }

    private var isLeapYear: Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }

    private var dayOfYear: Int {
        let before = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334][month - 1]
        return before + day + (month > 2 && isLeapYear ? 1 : 0)
    }

    /// From 0, Sunday.
    private var weekday: Int {
        let past = year - 1
        // January 1st of year 1 was a Monday.
        return (past * 365 + past / 4 - past / 100 + past / 400 + dayOfYear) % 7
    }
}
