#include "runner/prompt/jinja/template.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "rapidjson/document.h"
#include "schema/atomic_file.h"

namespace forensics::runner::jinja {
namespace {

using Variables = std::vector<std::pair<std::string, Value>>;

Value FromJson(const rapidjson::Value& json) {
  if (json.IsNull()) return None{};
  if (json.IsBool()) return json.GetBool();
  if (json.IsInt64()) return json.GetInt64();
  if (json.IsNumber()) return json.GetDouble();
  if (json.IsString()) return std::string(json.GetString(), json.GetStringLength());
  if (json.IsArray()) {
    std::vector<Value> items;
    for (const auto& item : json.GetArray()) items.push_back(FromJson(item));
    return Value::OfList(std::move(items));
  }
  Variables members;
  for (const auto& member : json.GetObject()) {
    members.emplace_back(member.name.GetString(), FromJson(member.value));
  }
  return Value::OfDict(std::move(members));
}

rapidjson::Document ReadJson(const std::string& path) {
  const auto text = schema::ReadFile(path);
  EXPECT_TRUE(text.ok()) << text.status();
  rapidjson::Document document;
  document.Parse(text->data(), text->size());
  EXPECT_FALSE(document.HasParseError()) << path;
  return document;
}

absl::StatusOr<std::string> Render(absl::string_view source, Variables variables = {}) {
  const auto parsed = Template::Parse(source);
  if (!parsed.ok()) return parsed.status();
  return parsed->Render(std::move(variables));
}

TEST(Template, RendersWhatJinja2Renders) {
  const auto goldens = ReadJson("runner/prompt/jinja/goldens.json");
  const auto qwen3 = ReadJson("testdata/qwen3_tokenizer/tokenizer_config.json");
  EXPECT_GE(goldens["cases"].Size(), 40u);
  for (const auto& golden : goldens["cases"].GetArray()) {
    const std::string source =
        (golden.HasMember("template") ? golden["template"] : qwen3["chat_template"]).GetString();
    Variables variables;
    for (const auto& member : golden["variables"].GetObject()) {
      variables.emplace_back(member.name.GetString(), FromJson(member.value));
    }
    const auto text = Render(source, std::move(variables));
    if (golden.HasMember("error")) {
      ASSERT_FALSE(text.ok()) << golden["name"].GetString();
      EXPECT_NE(text.status().message().find(golden["error"].GetString()), std::string::npos)
          << text.status();
      continue;
    }
    ASSERT_TRUE(text.ok()) << golden["name"].GetString() << ": " << text.status();
    EXPECT_EQ(*text, golden["text"].GetString()) << golden["name"].GetString();
  }
}

// What cannot be read or is not supported is named with its line.
TEST(Template, NamesWhatItRefuses) {
  const std::pair<std::string, std::string> cases[] = {
      {"a\n{% if x %}", "line 2: expected elif or else or endif for 'if' of line 2"},
      {"{% for x in y %}{% endif %}", "line 1: expected else or endfor for 'for' of line 1"},
      {"{% endif %}", "line 1: unexpected 'endif'"},
      {"\n\n{% include 'x' %}", "line 3: statement 'include' is not supported"},
      {"{% break %}", "line 1: 'break' outside of for"},
      {"{% for x in y recursive %}{% endfor %}", "line 1: recursive loops are not supported"},
      {"{% set a = 1, 2 %}", "line 1: tuples are not supported"},
      {"{{ (1, 2) }}", "line 1: tuples are not supported"},
      {"{{ 1", "line 1: '{{' is not closed"},
      {"{# 1", "line 1: '{#' is not closed"},
      {"{% raw %}", "line 1: 'raw' is not closed"},
      {"{{ 'a }}", "line 1: a string is not closed"},
      {"{{ '\\u12' }}", "line 1: escape '\\u12' '"},
      {"{{ a ! b }}", "line 1: unexpected character '!'"},
      {"{{ 1 + }}", "line 1: expected an expression, found '}}'"},
      {"{{ 1a }}", "line 1: number '1a'"},
      {"{{ 99999999999999999999 }}", "line 1: integer 99999999999999999999 is too large"},
      {"{{ f(*x) }}", "line 1: unpacked arguments are not supported"},
      {"{{ f(a=1, 2) }}", "line 1: expected a named argument, found '2'"},
      {"{{ [1 }}", "line 1: unexpected '}'"},
      {"{{ a[] }}", "line 1: an empty subscript"},
      {"{{ a) }}", "line 1: unexpected ')'"},
      {"{{ 1 | wordwrap }}", "line 1: filter 'wordwrap' is not supported"},
      {"{{ [1] | join(x=1) }}", "line 1: filter 'join': argument 'x' is not supported"},
      {"{{ 1 is sameas 1 }}", "line 1: test 'sameas' of a value of type int is not supported"},
      {"{{ 'x'.zfill(3) }}", "line 1: method str.zfill is not supported"},
      {"{{ [1].append(2) }}", "line 1: method list.append is not supported"},
      {"{{ nope() }}", "line 1: 'nope' is undefined"},
      {"{{ nope.x }}", "line 1: 'nope' is undefined and has no attribute 'x'"},
      {"{{ 'a' + nope }}", "line 1: 'nope' is undefined"},
      {"{{ 'a' + 1 }}", "line 1: '+' of types str and int is not supported"},
      {"{{ 1 // 0 }}", "line 1: division by zero"},
      {"{{ 9223372036854775807 + 1 }}", "line 1: an integer beyond 64 bits"},
      {"{{ 'a' < 1 }}", "line 1: values of type str and int have no order"},
      {"{% for x in 5 %}{% endfor %}",
       "line 1: there is nothing to iterate over: a value of type int"},
      {"{% for a, b in [[1]] %}{% endfor %}", "line 1: 1 values for 2 names"},
      {"{% set a = {} %}{% set a.b = 1 %}", "line 1: 'a' is not a namespace"},
      {"{{ 5[1:] }}", "line 1: a value of type int cannot be sliced"},
      {"{{ strftime_now('%Y') }}", "line 1: 'strftime_now' is undefined"},
      {"x\n{{ raise_exception('bad roles') }}", "line 2: the template says: bad roles"},
      {"{{ 'straße' | upper }}", "line 1: upper of letters other than ASCII's is not supported"},
      {"{{ {1: 2} }}", "line 1: a dict's key of type int is not supported"},
      {"{{ namespace | tojson }}", "line 1: tojson: a value of type function is not JSON"},
  };
  for (const auto& [source, message] : cases) {
    const auto text = Render(source);
    ASSERT_FALSE(text.ok()) << source << " gave " << *text;
    EXPECT_EQ(text.status().message().substr(0, message.size()), message);
  }
}

TEST(Template, BoundsWorkAndDepth) {
  const std::string nested(10'000, '(');
  const auto repeated = [](const std::string& part) {
    std::string all;
    for (int i = 0; i < 100'000; ++i) all += part;
    return all;
  };
  const std::string cases[] = {
      "{{ " + nested + "1",
      "{{ " + std::string(10'000, '-') + "1 }}",
      "{{ " + std::string(10'000, '[') + "1",
      "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
      "{{ range(1000000000) }}",
      "{{ 1" + repeated("+1") + " }}",
      "{{ x" + repeated(".x") + " }}",
      "{% for i in range(10000) %}{% for j in range(10000) %}{% endfor %}{% endfor %}",
      "{% set ns = namespace(s='xxxxxxxxxxxxxxxx') %}{% for i in range(100) %}"
      "{% set ns.s = ns.s + ns.s %}{% endfor %}",
  };
  for (const std::string& source : cases) EXPECT_FALSE(Render(source).ok()) << source.substr(0, 60);
  std::string ifs;
  for (int i = 0; i < 10'000; ++i) ifs += "{% if x %}";
  EXPECT_EQ(Render(ifs).status().message(), "line 1: statements are nested too deeply");
  std::string elifs = "{% if x %}";
  for (int i = 0; i < 10'000; ++i) elifs += "{% elif x %}";
  EXPECT_EQ(Render(elifs).status().message(), "line 1: statements are nested too deeply");
}

// What holds itself would never be released.
TEST(Template, NamespacesDoNotHoldThemselves) {
  for (const char* value : {"n", "[n]", "{'a': [n]}"}) {
    const std::string source =
        absl::StrCat("{% set n = namespace() %}\n{% set n.n = ", value, " %}");
    EXPECT_EQ(Render(source).status().message(),
              "line 2: 'n' would hold itself or values that are nested too deeply");
  }
  EXPECT_FALSE(Render("{% set n = namespace(l=[]) %}{% for i in range(1000) %}"
                      "{% set n.l = [n.l] %}{% endfor %}")
                   .ok());
}

}  // namespace
}  // namespace forensics::runner::jinja
