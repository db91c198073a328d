#include "assembler.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>

#include "warp.hpp"

namespace gpu {

namespace {

std::string trimmed(std::string_view text) {
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front()))) text.remove_prefix(1);
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.remove_suffix(1);
    return std::string(text);
}

// Splits at a character that is not within brackets.
std::vector<std::string> split(std::string_view text, char separator) {
    std::vector<std::string> parts;
    int depth = 0;
    size_t start = 0;
    for (size_t i = 0; i <= text.size(); ++i) {
        if (i == text.size() || (text[i] == separator && depth == 0)) {
            const std::string part = trimmed(text.substr(start, i - start));
            if (!part.empty()) parts.push_back(part);
            start = i + 1;
        } else if (std::string_view("{[(").find(text[i]) != std::string_view::npos) {
            ++depth;
        } else if (std::string_view("}])").find(text[i]) != std::string_view::npos) {
            --depth;
        }
    }
    return parts;
}

bool startsWith(const std::string &text, std::string_view start) { return text.compare(0, start.size(), start) == 0; }

std::string withoutComments(const std::string &text) {
    std::string kept;
    for (size_t i = 0; i < text.size(); ++i) {
        if (text.compare(i, 2, "//") == 0) {
            while (i < text.size() && text[i] != '\n') ++i;
            kept += '\n';
        } else {
            kept += text[i];
        }
    }
    return kept;
}

} // namespace

bool Statement::has(std::string_view word) const { return std::find(words.begin(), words.end(), word) != words.end(); }

uint32_t bytesOf(const std::string &type) {
    if (type == "pred") return sizeof(Mask);
    const size_t digits = type.find_first_of("0123456789");
    if (digits == std::string::npos) throw Fault("no type: " + type);
    const int bits = std::atoi(type.c_str() + digits);
    return (type.ends_with("x2") ? 2 * bits : bits) / 8;
}

void Assembler::assemble(const std::string &source) {
    const std::string text = withoutComments(source);
    program_.fileBytes = Special::end;
    program_.localBytes = 0;
    int depth = 0;
    std::string statement;
    int line = 1;
    line_ = 1;
    for (size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '\n') ++line;
        // A brace opens a scope unless it is a vector's or a list's.
        const std::string so = trimmed(statement);
        const bool isScope = c == '{' && (so.empty() || so.ends_with(')') || startsWith(so, ".visible .entry") ||
                                          startsWith(so, ".entry") || startsWith(so, ".func") ||
                                          so.find(".maxntid") != std::string::npos);
        if (isScope) {
            if (depth++ == 0) begin(so);
            registers_.emplace_back();
            variables_.emplace_back();
            statement.clear();
        } else if (c == '}' && so.empty()) {
            registers_.pop_back();
            variables_.pop_back();
            if (--depth == 0) resolve();
        } else if (c == ';') {
            if (depth == 0) topLevel(so);
            else body(so);
            statement.clear();
        } else if (
            c == '\n' && depth == 0 &&
            (startsWith(so, ".version") || startsWith(so, ".target") || startsWith(so, ".address_size"))) {
            statement.clear();
        } else if (c == ':' && depth > 0 && startsWith(so, "$")) {
            labels_[so] = int(program_.code.size());
            statement.clear();
        } else if (c == '\n' && startsWith(so, ".pragma")) {
            statement.clear();
        } else {
            if (trimmed(statement).empty()) line_ = line;
            statement += c;
        }
    }
    for (const auto &[place, name] : calls_) {
        if (functions_[name].start < 0) throw Fault("function " + name + " has no body");
        program_.code[place].target = functions_[name].start;
    }
    program_.localBytes = (program_.localBytes + 15) / 16 * 16;
}

void Assembler::topLevel(const std::string &statement) {
    if (startsWith(statement, ".func")) return declareFunction(statement, -1);
    if (statement.empty()) return;
    declareVariable(statement, false);
}

// An entry's or a function's header.
void Assembler::begin(const std::string &header) {
    labels_.clear();
    branches_.clear();
    isEntry_ = header.find(".entry") != std::string::npos;
    entry_ = Entry();
    entry_.sharedBytes = moduleSharedBytes_;
    const int start = int(program_.code.size());
    if (isEntry_) {
        size_t name = header.find(".entry") + 6;
        const size_t open = header.find('(', name);
        entry_.name = trimmed(header.substr(name, open - name));
        entry_.start = start;
        nextRow_ = entryRows_;
        declareParameters(header.substr(open + 1, header.rfind(')') - open - 1), true);
        return;
    }
    nextRow_ = program_.fileBytes;
    declareFunction(header, start);
}

// A function's header; `start` is -1 ahead of its body.
void Assembler::declareFunction(const std::string &header, int start) {
    std::string rest = trimmed(header.substr(header.find(".func") + 5)), results;
    if (startsWith(rest, "(")) {
        const size_t close = rest.find(')');
        results = rest.substr(1, close - 1);
        rest = trimmed(rest.substr(close + 1));
    }
    const size_t open = rest.find('(');
    Function &function = functions_[trimmed(rest.substr(0, open))];
    if (!function.isDeclared) {
        function.results = declareParameters(results, false);
        function.parameters = declareParameters(rest.substr(open + 1, rest.rfind(')') - open - 1), false);
        function.isDeclared = true;
    }
    function.start = start;
}

std::vector<Assembler::Variable> Assembler::declareParameters(const std::string &list, bool isEntry) {
    std::vector<Variable> all;
    for (const std::string &text : split(list, ',')) {
        uint32_t bytes = 0, align = 1, count = 1;
        std::string name;
        std::vector<std::string> words = split(text, ' ');
        for (size_t i = 0; i < words.size(); ++i) {
            if (words[i] == ".align") {
                align = std::atoi(words[++i].c_str());
            } else if (startsWith(words[i], ".") && words[i] != ".param") {
                bytes = bytesOf(words[i].substr(1));
            } else if (!startsWith(words[i], ".")) {
                name = words[i];
            }
        }
        align = std::max(align, bytes);
        if (const size_t bracket = name.find('['); bracket != std::string::npos) {
            count = std::atoi(name.c_str() + bracket + 1);
            name.resize(bracket);
        }
        Variable variable{isEntry ? Space::parameters : Space::local, 0, bytes * count, align};
        variable.place = reserve(isEntry ? entry_.parameterBytes : program_.localBytes, variable.bytes, align);
        variables_[0][name] = variable;
        if (isEntry) entry_.parameters.emplace_back(variable.place, variable.bytes);
        all.push_back(variable);
    }
    return all;
}

uint32_t Assembler::reserve(uint32_t &end, uint32_t bytes, uint32_t align) {
    const uint32_t place = (end + align - 1) / align * align;
    end = place + bytes;
    return place;
}

void Assembler::body(const std::string &statement) {
    if (statement.empty() || startsWith(statement, ".pragma") || startsWith(statement, ".loc")) return;
    if (startsWith(statement, ".reg")) return declareRegisters(statement);
    if (startsWith(statement, ".")) return declareVariable(statement, true);
    instruction(statement);
}

void Assembler::declareRegisters(const std::string &statement) {
    const std::vector<std::string> words = split(statement.substr(4), ' ');
    const uint32_t size = bytesOf(words[0].substr(1));
    std::string names;
    for (size_t i = 1; i < words.size(); ++i) names += words[i];
    for (const std::string &name : split(names, ',')) {
        const size_t bracket = name.find('<');
        if (bracket == std::string::npos) {
            registers_.back()[name] = row(words[0] == ".pred" ? 0 : size);
            continue;
        }
        const int count = std::atoi(name.c_str() + bracket + 1);
        for (int i = 0; i < count; ++i) {
            registers_.back()[name.substr(0, bracket) + std::to_string(i)] = row(words[0] == ".pred" ? 0 : size);
        }
    }
}

// A row of the file; size 0 is a predicate's.
Operand Assembler::row(uint32_t size) {
    const uint32_t bytes = size == 0 ? sizeof(Mask) : size * kLanes;
    const uint32_t align = size == 0 ? sizeof(Mask) : 64;
    const uint32_t place = reserve(nextRow_, bytes, align);
    program_.fileBytes = std::max(program_.fileBytes, nextRow_);
    return {place, size == 0 ? uint32_t(sizeof(Mask)) : size, false};
}

void Assembler::declareVariable(const std::string &statement, bool isInFunction) {
    const size_t equals = statement.find('=');
    std::vector<std::string> words = split(statement.substr(0, equals), ' ');
    Variable variable;
    uint32_t element = 1, count = 1;
    std::string name;
    for (size_t i = 0; i < words.size(); ++i) {
        if (words[i] == ".align") {
            variable.align = std::atoi(words[++i].c_str());
        } else if (words[i] == ".shared") {
            variable.space = Space::shared;
        } else if (words[i] == ".local" || words[i] == ".param") {
            variable.space = Space::local;
        } else if (words[i] == ".global" || words[i] == ".const") {
            variable.space = Space::global;
        } else if (startsWith(words[i], ".") && words[i] != ".extern" && words[i] != ".visible") {
            element = bytesOf(words[i].substr(1));
        } else if (!startsWith(words[i], ".")) {
            name = words[i];
        }
    }
    const bool isExternal = startsWith(statement, ".extern");
    if (const size_t bracket = name.find('['); bracket != std::string::npos) {
        count = std::atoi(name.c_str() + bracket + 1);
        name.resize(bracket);
    }
    variable.bytes = element * count;
    variable.align = std::max(variable.align, element);
    if (isExternal) {
        external_.insert(name);
        dynamicAlign_ = std::max(dynamicAlign_, variable.align);
        return;
    }
    switch (variable.space) {
        case Space::shared:
            variable.place =
                reserve(isInFunction ? entry_.sharedBytes : moduleSharedBytes_, variable.bytes, variable.align);
            break;
        case Space::local: variable.place = reserve(program_.localBytes, variable.bytes, variable.align); break;
        default: {
            auto memory = std::make_unique<std::vector<uint8_t>>(variable.bytes + 16);
            if (equals != std::string::npos) {
                std::string list = trimmed(statement.substr(equals + 1));
                if (startsWith(list, "{")) list = list.substr(1, list.rfind('}') - 1);
                size_t at = 0;
                for (const std::string &number : split(list, ',')) {
                    const uint64_t bits = std::strtoull(number.c_str(), nullptr, 0);
                    std::memcpy(memory->data() + at, &bits, element);
                    at += element;
                }
            }
            variable.place = reinterpret_cast<uint64_t>(memory->data());
            program_.globals.push_back(std::move(memory));
        }
    }
    variables_[isInFunction ? variables_.size() - 1 : 0][name] = variable;
}

const Assembler::Variable *Assembler::variable(const std::string &name) const {
    for (auto scope = variables_.rbegin(); scope != variables_.rend(); ++scope) {
        if (const auto found = scope->find(name); found != scope->end()) return &found->second;
    }
    return nullptr;
}

const Operand *Assembler::find(const std::string &name) const {
    for (auto scope = registers_.rbegin(); scope != registers_.rend(); ++scope) {
        if (const auto found = scope->find(name); found != scope->end()) return &found->second;
    }
    return nullptr;
}

std::vector<std::string> Assembler::vector(const std::string &text) {
    if (!startsWith(text, "{")) return {text};
    return split(text.substr(1, text.size() - 2), ',');
}

Operand Assembler::to(const std::string &text) {
    const Operand *operand = find(text);
    if (!operand) throw Fault("no register " + text);
    return *operand;
}

Operand Assembler::constant(uint64_t bits, uint32_t size) {
    auto &known = constants_[size];
    if (const auto found = known.find(bits); found != known.end()) return {found->second, size, true};
    const uint32_t offset = uint32_t(program_.constants.size());
    program_.constants.resize(offset + std::max(size * kLanes, 64u));
    for (int lane = 0; lane < kLanes; ++lane)
        std::memcpy(program_.constants.data() + offset + lane * size, &bits, size);
    known[bits] = offset;
    return {offset, size, true};
}

Operand Assembler::from(const std::string &text, const std::string &type) {
    static const std::map<std::string, uint32_t> special = {
        {"%tid.x", Special::threadX},
        {"%tid.y", Special::threadY},
        {"%tid.z", Special::threadZ},
        {"%ctaid.x", Special::blockX},
        {"%ctaid.y", Special::blockY},
        {"%ctaid.z", Special::blockZ},
        {"%ntid.x", Special::threadsX},
        {"%ntid.y", Special::threadsY},
        {"%ntid.z", Special::threadsZ},
        {"%nctaid.x", Special::blocksX},
        {"%nctaid.y", Special::blocksY},
        {"%nctaid.z", Special::blocksZ},
        {"%laneid", Special::lane},
        {"%warpid", Special::warp},
        {"%lanemask_lt", Special::laneMaskLess},
    };
    if (const auto found = special.find(text); found != special.end()) {
        return {found->second * Special::rowBytes, 4, false};
    }
    if (const Operand *operand = find(text)) {
        if (operand->size != bytesOf(type)) throw Fault(text + " is not of " + type + "'s size");
        return *operand;
    }
    const uint32_t size = bytesOf(type);
    if (text == "WARP_SZ") return constant(kLanes, size);
    if (startsWith(text, "0f") || startsWith(text, "0F"))
        return constant(std::strtoull(text.c_str() + 2, nullptr, 16), size);
    if (startsWith(text, "0d") || startsWith(text, "0D"))
        return constant(std::strtoull(text.c_str() + 2, nullptr, 16), size);
    if (std::isdigit(static_cast<unsigned char>(text[0])) || text[0] == '-') {
        const uint64_t bits =
            text[0] == '-' ? uint64_t(std::strtoll(text.c_str(), nullptr, 0)) : std::strtoull(text.c_str(), nullptr, 0);
        return constant(size == 8 ? bits : bits & ((1ull << 8 * size) - 1), size);
    }
    if (external_.contains(text)) {
        return constant(dynamicStart(), size);
    }
    const Variable *variable = this->variable(text);
    if (!variable) throw Fault("unknown operand " + text);
    if (variable->space == Space::parameters || variable->space == Space::local) {
        throw Fault("the address of " + text + " is not a constant");
    }
    return constant(variable->place, size);
}

// What a launch asks for lies behind the entry's own.
uint32_t Assembler::dynamicStart() const {
    return (entry_.sharedBytes + dynamicAlign_ - 1) / dynamicAlign_ * dynamicAlign_;
}

void Assembler::address(Instruction &instruction, const std::string &text, Space &space) {
    std::string inner = trimmed(text.substr(1, text.size() - 2));
    const size_t plus = inner.find('+');
    if (plus != std::string::npos) {
        instruction.displacement = std::strtoll(inner.c_str() + plus + 1, nullptr, 0);
        inner = trimmed(inner.substr(0, plus));
    }
    const Variable *variable = startsWith(inner, "%") ? nullptr : this->variable(inner);
    if (variable && (variable->space == Space::parameters || variable->space == Space::local)) {
        space = variable->space;
        instruction.displacement += int64_t(variable->place);
        const uint32_t base = space == Space::parameters ? Special::parameters : Special::local;
        instruction.from.push_back({base, 8, false});
    } else if (const Operand *operand = find(inner)) {
        instruction.from.push_back(*operand);
    } else {
        instruction.from.push_back(from(inner, "u64"));
    }
}

void Assembler::instruction(const std::string &text) {
    Instruction instruction;
    instruction.line = line_;
    program_.lines.push_back(text);
    std::string rest = text;
    if (rest[0] == '@') {
        const size_t space = rest.find_first_of(" \t");
        instruction.isGuarded = true;
        instruction.isNegated = rest[1] == '!';
        instruction.guard =
            to(rest.substr(instruction.isNegated ? 2 : 1, space - (instruction.isNegated ? 2 : 1))).offset;
        rest = trimmed(rest.substr(space));
    }
    Statement statement;
    const size_t space = std::min(rest.find_first_of(" \t"), rest.size());
    statement.words = split(rest.substr(0, space), '.');
    std::string list = rest.substr(space);
    std::replace(list.begin(), list.end(), '\n', ' ');
    std::replace(list.begin(), list.end(), '\t', ' ');
    statement.operands = split(list, ',');
    const std::string &name = statement.words[0];
    if (name == "bra") {
        instruction.flow = Flow::branch;
        branches_[int(program_.code.size())] = statement.operands[0];
    } else if (name == "ret") {
        instruction.flow = isEntry_ ? Flow::exit : Flow::leave;
    } else if (name == "exit") {
        instruction.flow = Flow::exit;
    } else if (name == "trap") {
        instruction.flow = Flow::trap;
    } else if (name == "call") {
        call(instruction, statement);
    } else if (
        name == "mov" && variable(statement.operands.back()) &&
        (variable(statement.operands.back())->space == Space::parameters ||
         variable(statement.operands.back())->space == Space::local)) {
        // The address of a parameter or of a thread's array: its base and a displacement.
        Space of = Space::generic;
        address(instruction, "[" + statement.operands.back() + "]", of);
        instruction.to = {to(statement.operands[0])};
        instruction.run = [](Warp &warp, const Instruction &i, Mask mask) {
            for (int lane = 0; lane < kLanes; ++lane) {
                if (mask >> lane & 1)
                    warp.row<uint64_t>(i.to[0])[lane] = warp.row<uint64_t>(i.from[0])[lane] + i.displacement;
            }
        };
    } else if (
        !assembleArithmetic(*this, statement, instruction) && !assembleConversion(*this, statement, instruction) &&
        !assembleMemory(*this, statement, instruction) && !assembleCollective(*this, statement, instruction)) {
        throw Fault("not implemented: " + text);
    }
    program_.code.push_back(std::move(instruction));
}

// `call.uni (results), name, (arguments)`; arguments and results are variables of the thread.
void Assembler::call(Instruction &instruction, const Statement &statement) {
    instruction.flow = Flow::call;
    std::vector<std::string> results, arguments;
    std::string name;
    for (const std::string &operand : statement.operands) {
        if (!startsWith(operand, "(")) {
            name = operand;
        } else {
            (name.empty() ? results : arguments) = split(operand.substr(1, operand.size() - 2), ',');
        }
    }
    const auto found = functions_.find(name);
    if (found == functions_.end()) throw Fault("no function " + name + " before its call");
    const Function &function = found->second;
    calls_[int(program_.code.size())] = name;
    for (size_t i = 0; i < arguments.size(); ++i) {
        const Variable *own = variable(arguments[i]);
        instruction.passed.insert(
            instruction.passed.end(),
            {uint32_t(own->place), uint32_t(function.parameters[i].place), function.parameters[i].bytes});
    }
    for (size_t i = 0; i < results.size(); ++i) {
        const Variable *own = variable(results[i]);
        instruction.returned.insert(
            instruction.returned.end(), {uint32_t(function.results[i].place), uint32_t(own->place), own->bytes});
    }
}

// Ends an entry or a function.
void Assembler::resolve() {
    for (const auto &[place, label] : branches_) {
        const auto found = labels_.find(label);
        if (found == labels_.end()) throw Fault("no label " + label);
        program_.code[place].target = found->second;
    }
    if (isEntry_) {
        entry_.dynamicStart = dynamicStart();
        program_.entries[entry_.name] = entry_;
    } else {
        entryRows_ = program_.fileBytes;
    }
}

} // namespace gpu
