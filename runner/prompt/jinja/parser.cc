#include "runner/prompt/jinja/parser.h"

#include <algorithm>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runner/prompt/jinja/expression_parser.h"
#include "runner/prompt/jinja/lexer.h"
#include "runner/prompt/jinja/status_macros.h"

namespace forensics::runner::jinja {
namespace {

using Kind = Statement::Kind;

constexpr int kMaxDepth = 100;  // of statements in statements

class Parser {
 public:
  explicit Parser(const std::vector<Token>& tokens) : cursor_(tokens), expressions_(cursor_) {}

  absl::StatusOr<Block> Run() {
    JINJA_ASSIGN(Block block, ParseBlock({}));
    if (cursor_.Now().kind != TokenKind::kEnd) {
      return ErrorAtLine(cursor_.line(), absl::StrCat("unexpected '", cursor_.Next().text, "'"));
    }
    return block;
  }

 private:
  using Names = std::initializer_list<absl::string_view>;

  // Statements up to a tag of one of the names in `ends`, of which '{%' is then the next token.
  absl::StatusOr<Block> ParseBlock(Names ends) {
    if (++depth_ > kMaxDepth)
      return ErrorAtLine(cursor_.line(), "statements are nested too deeply");
    Block block;
    while (cursor_.Now().kind != TokenKind::kEnd) {
      if (cursor_.Now().kind == TokenKind::kBlockBegin) {
        const std::string& name = cursor_.Next().text;
        const bool is_end = std::find(ends.begin(), ends.end(), name) != ends.end();
        if (is_end || IsClosing(name)) break;
      }
      JINJA_ASSIGN(Statement statement, ParseStatement());
      block.push_back(std::move(statement));
    }
    --depth_;
    return block;
  }

  static bool IsClosing(absl::string_view name) {
    for (absl::string_view closing :
         {"endif", "elif", "else", "endfor", "endset", "endmacro", "endgeneration"}) {
      if (name == closing) return true;
    }
    return false;
  }

  // After ParseBlock: consumes '{%' and one of `names`, and returns it.
  absl::StatusOr<std::string> Close(int opened_at, absl::string_view statement, Names names) {
    const std::string wanted = absl::StrJoin(names, " or ");
    const std::string what = absl::StrCat(wanted, " for '", statement, "' of line ", opened_at);
    if (cursor_.Now().kind != TokenKind::kBlockBegin) return cursor_.Unexpected(what);
    cursor_.Advance();
    const std::string name = cursor_.Now().text;
    if (std::find(names.begin(), names.end(), name) == names.end()) return cursor_.Unexpected(what);
    cursor_.Advance();
    return name;
  }

  absl::Status EndTag() { return cursor_.Expect(TokenKind::kBlockEnd, "'%}'"); }

  absl::StatusOr<Statement> ParseStatement() {
    Statement statement{};
    statement.line = cursor_.line();
    if (cursor_.Now().kind == TokenKind::kText) {
      statement.kind = Kind::kText;
      statement.name = cursor_.Now().text;
      cursor_.Advance();
      return statement;
    }
    if (cursor_.Now().kind == TokenKind::kOutputBegin) {
      cursor_.Advance();
      statement.kind = Kind::kOutput;
      JINJA_ASSIGN(statement.expression, expressions_.Parse());
      if (cursor_.IsOperator(",")) return ErrorAtLine(cursor_.line(), "tuples are not supported");
      JINJA_RETURN_IF_ERROR(cursor_.Expect(TokenKind::kOutputEnd, "'}}'"));
      return statement;
    }
    JINJA_RETURN_IF_ERROR(cursor_.Expect(TokenKind::kBlockBegin, "'{%'"));
    JINJA_ASSIGN(std::string name, cursor_.ExpectName());
    JINJA_RETURN_IF_ERROR(ParseTag(name, &statement));
    return statement;
  }

  absl::Status ParseTag(absl::string_view name, Statement* statement) {
    if (name == "if") return ParseIf(statement);
    if (name == "for") return ParseFor(statement);
    if (name == "set") return ParseSet(statement);
    if (name == "macro") return ParseMacro(statement);
    if (name == "generation") return ParseGeneration(statement);
    if (name == "break" || name == "continue") {
      statement->kind = name == "break" ? Kind::kBreak : Kind::kContinue;
      if (loops_ == 0)
        return ErrorAtLine(statement->line, absl::StrCat("'", name, "' outside of for"));
      return EndTag();
    }
    return ErrorAtLine(statement->line, absl::StrCat("statement '", name, "' is not supported"));
  }

  absl::Status ParseIf(Statement* statement) {
    statement->kind = Kind::kIf;
    JINJA_ASSIGN(statement->expression, expressions_.Parse());
    JINJA_RETURN_IF_ERROR(EndTag());
    JINJA_ASSIGN(statement->body, ParseBlock({"elif", "else", "endif"}));
    const int line = cursor_.line();
    JINJA_ASSIGN(std::string end, Close(statement->line, "if", {"elif", "else", "endif"}));
    if (end == "elif") {
      Statement other{};
      other.line = line;
      JINJA_RETURN_IF_ERROR(ParseElif(&other));
      statement->otherwise.push_back(std::move(other));
      return absl::OkStatus();
    }
    JINJA_RETURN_IF_ERROR(EndTag());
    if (end == "endif") return absl::OkStatus();
    JINJA_ASSIGN(statement->otherwise, ParseBlock({"endif"}));
    JINJA_ASSIGN(end, Close(statement->line, "if", {"endif"}));
    return EndTag();
  }

  // An elif is an if in the else; a long chain counts as nesting.
  absl::Status ParseElif(Statement* statement) {
    if (++depth_ > kMaxDepth)
      return ErrorAtLine(cursor_.line(), "statements are nested too deeply");
    JINJA_RETURN_IF_ERROR(ParseIf(statement));
    --depth_;
    return absl::OkStatus();
  }

  absl::Status ParseTargets(std::vector<std::string>* targets) {
    const bool brackets = cursor_.TakeOperator("(");
    do {
      JINJA_ASSIGN(std::string name, cursor_.ExpectName());
      targets->push_back(std::move(name));
    } while (cursor_.TakeOperator(","));
    return brackets ? cursor_.ExpectOperator(")") : absl::OkStatus();
  }

  absl::Status ParseFor(Statement* statement) {
    statement->kind = Kind::kFor;
    JINJA_RETURN_IF_ERROR(ParseTargets(&statement->targets));
    if (!cursor_.TakeName("in")) return cursor_.Unexpected("'in'");
    JINJA_ASSIGN(statement->expression, expressions_.Parse(/*conditional=*/false));
    if (cursor_.TakeName("if")) {
      JINJA_ASSIGN(statement->filter, expressions_.Parse());
    }
    if (cursor_.IsName("recursive")) {
      return ErrorAtLine(cursor_.line(), "recursive loops are not supported");
    }
    JINJA_RETURN_IF_ERROR(EndTag());
    ++loops_;
    JINJA_ASSIGN(statement->body, ParseBlock({"else", "endfor"}));
    --loops_;
    JINJA_ASSIGN(std::string end, Close(statement->line, "for", {"else", "endfor"}));
    JINJA_RETURN_IF_ERROR(EndTag());
    if (end == "endfor") return absl::OkStatus();
    JINJA_ASSIGN(statement->otherwise, ParseBlock({"endfor"}));
    JINJA_ASSIGN(end, Close(statement->line, "for", {"endfor"}));
    return EndTag();
  }

  absl::Status ParseSet(Statement* statement) {
    statement->kind = Kind::kSet;
    JINJA_RETURN_IF_ERROR(ParseTargets(&statement->targets));
    if (statement->targets.size() == 1 && cursor_.TakeOperator(".")) {
      JINJA_ASSIGN(statement->attribute, cursor_.ExpectName());
    }
    if (cursor_.TakeOperator("=")) {
      JINJA_ASSIGN(statement->expression, expressions_.Parse());
      if (cursor_.IsOperator(",")) return ErrorAtLine(cursor_.line(), "tuples are not supported");
      return EndTag();
    }
    if (cursor_.Now().kind != TokenKind::kBlockEnd || statement->targets.size() != 1 ||
        !statement->attribute.empty()) {
      return cursor_.Unexpected("'='");
    }
    statement->kind = Kind::kSetBlock;
    JINJA_RETURN_IF_ERROR(EndTag());
    return ParseBodyUntil("set", "endset", statement);
  }

  absl::Status ParseMacro(Statement* statement) {
    statement->kind = Kind::kMacro;
    JINJA_ASSIGN(statement->name, cursor_.ExpectName());
    JINJA_RETURN_IF_ERROR(cursor_.ExpectOperator("("));
    while (!cursor_.IsOperator(")")) {
      JINJA_ASSIGN(std::string name, cursor_.ExpectName());
      ExpressionPtr value;
      if (cursor_.TakeOperator("=")) {
        JINJA_ASSIGN(value, expressions_.Parse());
      }
      statement->targets.push_back(std::move(name));
      statement->defaults.push_back(std::move(value));
      if (!cursor_.TakeOperator(",")) break;
    }
    JINJA_RETURN_IF_ERROR(cursor_.ExpectOperator(")"));
    JINJA_RETURN_IF_ERROR(EndTag());
    const int loops = std::exchange(loops_, 0);
    JINJA_RETURN_IF_ERROR(ParseBodyUntil("macro", "endmacro", statement));
    loops_ = loops;
    return absl::OkStatus();
  }

  // transformers' mark around what an assistant said; it prints its body.
  absl::Status ParseGeneration(Statement* statement) {
    statement->kind = Kind::kGroup;
    JINJA_RETURN_IF_ERROR(EndTag());
    return ParseBodyUntil("generation", "endgeneration", statement);
  }

  absl::Status ParseBodyUntil(absl::string_view name, absl::string_view end, Statement* statement) {
    JINJA_ASSIGN(statement->body, ParseBlock({end}));
    JINJA_RETURN_IF_ERROR(Close(statement->line, name, {end}).status());
    return EndTag();
  }

  TokenCursor cursor_;
  ExpressionParser expressions_;
  int depth_ = 0;
  int loops_ = 0;  // that are open around the statement
};

}  // namespace

absl::StatusOr<Block> Parse(absl::string_view source) {
  JINJA_ASSIGN(std::vector<Token> tokens, Tokenize(source));
  return Parser(tokens).Run();
}

}  // namespace forensics::runner::jinja
