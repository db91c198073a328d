#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "program.hpp"

namespace gpu {

// One instruction's text.
struct Statement {
    // What is between the dots of its name.
    std::vector<std::string> words;
    std::vector<std::string> operands;

    bool has(std::string_view word) const;
    const std::string &type(int fromEnd = 0) const { return words[words.size() - 1 - fromEnd]; }
};

// Bytes of a type such as `u32`; a predicate's are 4, those of a whole Mask.
uint32_t bytesOf(const std::string &type);

// Makes a program of PTX; see NVIDIA's "PTX ISA". Throws `Fault` for what is not implemented.
class Assembler {
  public:
    explicit Assembler(Program &program) : program_(program) {}

    void assemble(const std::string &text);

    Operand to(const std::string &text);
    // A register or a number of a type.
    Operand from(const std::string &text, const std::string &type);
    Operand constant(uint64_t bits, uint32_t size);
    // `[%rd1+8]` or `[name]`: the row goes behind `instruction.from`, and what is added to it becomes its displacement.
    void address(Instruction &instruction, const std::string &text, Space &space);
    // The registers in `{...}`, or the one.
    static std::vector<std::string> vector(const std::string &text);

  private:
    struct Variable {
        Space space = Space::global;
        uint64_t place = 0;
        uint32_t bytes = 0;
        uint32_t align = 1;
    };
    struct Function {
        int start = -1;
        bool isDeclared = false;
        std::vector<Variable> parameters;
        std::vector<Variable> results;
    };
    using Names = std::map<std::string, Variable>;

    void topLevel(const std::string &statement);
    void begin(const std::string &header);
    void body(const std::string &statement);
    void directive(const std::string &statement);
    void declareRegisters(const std::string &statement);
    void declareVariable(const std::string &statement, bool isInFunction);
    void declareFunction(const std::string &header, int start);
    std::vector<Variable> declareParameters(const std::string &list, bool isEntry);
    void instruction(const std::string &text);
    void call(Instruction &instruction, const Statement &statement);
    void resolve();
    uint32_t reserve(uint32_t &end, uint32_t bytes, uint32_t align);
    const Variable *variable(const std::string &name) const;
    const Operand *find(const std::string &name) const;
    Operand row(uint32_t size);

    Program &program_;
    Entry entry_;
    bool isEntry_ = false;
    // Of shared variables outside of entries.
    uint32_t moduleSharedBytes_ = 0;
    int line_ = 0;
    std::vector<std::map<std::string, Operand>> registers_;
    std::vector<Names> variables_{1};
    std::map<std::string, int> labels_;
    std::map<int, std::string> branches_;
    std::map<int, std::string> calls_;
    // Where the next register of the entry or function lies; entries share their places, functions have their own.
    uint32_t nextRow_ = Special::end;
    uint32_t entryRows_ = Special::end;
    std::map<std::string, Function> functions_;
    std::map<uint64_t, uint32_t> constants_[9];
    // Names of what a launch asks for, and the most that any of them is to be aligned to.
    std::set<std::string> external_;
    uint32_t dynamicAlign_ = 16;
    uint32_t dynamicStart() const;
};

// What knows a kind of instruction; each answers whether it is one of its own.
bool assembleArithmetic(Assembler &, const Statement &, Instruction &);
bool assembleConversion(Assembler &, const Statement &, Instruction &);
bool assembleMemory(Assembler &, const Statement &, Instruction &);
bool assembleCollective(Assembler &, const Statement &, Instruction &);

// A type's C++ type, for `body`, a generic lambda that takes a value of it.
template <class Body>
bool withInteger(const std::string &type, Body body) {
    if (type == "s16") return body(int16_t{}), true;
    if (type == "u16" || type == "b16") return body(uint16_t{}), true;
    if (type == "s32") return body(int32_t{}), true;
    if (type == "u32" || type == "b32") return body(uint32_t{}), true;
    if (type == "s64") return body(int64_t{}), true;
    if (type == "u64" || type == "b64") return body(uint64_t{}), true;
    return false;
}

template <class Body>
bool withFloat(const std::string &type, Body body) {
    if (type == "f32") return body(float{}), true;
    if (type == "f64") return body(double{}), true;
    return false;
}

template <class Body>
bool withNumber(const std::string &type, Body body) {
    return withInteger(type, body) || withFloat(type, body);
}

} // namespace gpu
