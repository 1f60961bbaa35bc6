// CREATE of both dialects.
#include <fmt/format.h>

#include "analytics/sql/grammar.h"

namespace millstream::analytics::sql {

// CREATE [OR REPLACE] …
Result<Statement> Parser::create() {
  advance();
  const bool or_replace = accept_all({"OR", "REPLACE"});
  const bool to_come = is("FUNCTION") || is("CATALOG") || is("DATABASE") || is("SCHEMA") ||
                       is("MODEL") || is("MATERIALIZED") || is("SYSTEM") || is("INDEX") ||
                       (is("TEMPORARY") && (is("FUNCTION", 1) || is("SYSTEM", 1)));
  if (to_come) {
    const Token& what = is("TEMPORARY") ? peek(1) : peek();
    return not_yet(what.position, fmt::format("CREATE {}", what.word.text()));
  }
  return flink() ? create_flink(or_replace) : create_kinesis(or_replace);
}

Result<Statement> Parser::create_flink(bool or_replace) {
  Statement result;
  const Position begin = peek().position;
  const bool temporary = accept("TEMPORARY");
  if (accept("VIEW")) {
    TRY_ASSIGN(CreateView view, create_view(or_replace));
    view.temporary = temporary;
    result.body = std::move(view);
    return result;
  }
  if (is("STREAM") || is("PUMP")) {
    return error(peek().position, fmt::format("CREATE {} belongs to the Kinesis dialect: write "
                                              "CREATE TABLE and INSERT INTO",
                                              peek().word.text()));
  }
  TRY(expect("TABLE"));
  if (or_replace) return not_yet(begin, "CREATE OR REPLACE TABLE");
  TRY_ASSIGN(CreateTable table, create_table());
  table.temporary = temporary;
  result.body = std::move(table);
  return result;
}

Result<Statement> Parser::create_kinesis(bool or_replace) {
  Statement result;
  if (accept("STREAM")) {
    TRY_ASSIGN(result.body, create_stream(or_replace));
    return result;
  }
  if (accept("PUMP")) {
    TRY_ASSIGN(result.body, create_pump(or_replace));
    return result;
  }
  if (is("TABLE") || is("VIEW")) {
    return error(peek().position,
                 fmt::format("CREATE {} belongs to Flink SQL: an application of this dialect has "
                             "CREATE STREAM and CREATE PUMP",
                             peek().word.text()));
  }
  return unexpected();
}

// [IF NOT EXISTS] name [(elements)] clauses
Result<CreateTable> Parser::create_table() {
  CreateTable table;
  table.if_not_exists = accept_all({"IF", "NOT", "EXISTS"});
  TRY_ASSIGN(table.name, qualified_name("a table name"));
  if (accept_symbol("(")) {
    TRY(table_elements(table));
  }
  TRY(table_clauses(table));
  return table;
}

Result<> Parser::table_elements(CreateTable& table) {
  if (accept_symbol(")")) return {};
  do {
    TRY(table_element(table));
  } while (accept_symbol(","));
  return expect_symbol(")");
}

// column | WATERMARK FOR c AS e | [CONSTRAINT n] PRIMARY KEY (…) NOT ENFORCED
Result<> Parser::table_element(CreateTable& table) {
  if (is("WATERMARK")) return watermark(table);
  if (is("CONSTRAINT")) {
    advance();
    TRY(identifier("the constraint's name"));
    if (is("UNIQUE")) return not_yet(peek().position, "UNIQUE");
    return primary_key(table);
  }
  if (is("PRIMARY")) return primary_key(table);
  if (is("UNIQUE")) return not_yet(peek().position, "UNIQUE");
  if (is("PERIOD")) return not_yet(peek().position, "PERIOD FOR SYSTEM_TIME");
  TRY_ASSIGN(table.columns.emplace_back(), table_column());
  return {};
}

// WATERMARK FOR column AS expression
Result<> Parser::watermark(CreateTable& table) {
  const Position begin = peek().position;
  advance();
  if (table.watermark) return error(begin, "a table has one WATERMARK at most");
  TRY(expect("FOR"));
  TRY_ASSIGN(table.watermark_column, identifier("a column name"));
  if (is_symbol(".")) return not_yet(begin, "WATERMARK FOR a nested field");
  TRY(expect("AS"));
  TRY_ASSIGN(table.watermark, expression());
  return {};
}

// PRIMARY KEY (…) NOT ENFORCED
Result<> Parser::primary_key(CreateTable& table) {
  const Position begin = peek().position;
  TRY(expect_all({"PRIMARY", "KEY"}));
  if (!table.primary_key.empty()) return error(begin, "a table has one PRIMARY KEY at most");
  TRY_ASSIGN(table.primary_key, names_in_parentheses("a column name"));
  return not_enforced();
}

Result<> Parser::not_enforced() {
  if (accept_all({"NOT", "ENFORCED"})) return {};
  return error(peek().position,
               "streams can't enforce a primary key, their writers have to: expected NOT ENFORCED");
}

// name type [METADATA …] [PRIMARY KEY NOT ENFORCED] [COMMENT '…'] | name AS e [COMMENT '…']
Result<ColumnDefinition> Parser::table_column() {
  ColumnDefinition column;
  TRY_ASSIGN(column.name, identifier("a column name"));
  if (accept("AS")) {
    TRY_ASSIGN(column.computed, expression());
  } else {
    TRY_ASSIGN(column.type, type());
    if (accept("METADATA")) TRY(metadata(column));
    if (is("CONSTRAINT") || is("UNIQUE") || is("DEFAULT")) {
      return not_yet(peek().position, fmt::format("{} of a column", peek().word.text()));
    }
    if (accept_all({"PRIMARY", "KEY"})) {
      column.primary_key = true;
      TRY(not_enforced());
    }
  }
  if (accept("COMMENT")) {
    TRY_ASSIGN(column.comment, string_literal("a comment as a string"));
  }
  return column;
}

// METADATA [FROM 'key'] [VIRTUAL]
Result<> Parser::metadata(ColumnDefinition& column) {
  column.metadata = true;
  if (accept("FROM")) {
    TRY_ASSIGN(column.metadata_key, string_literal("the metadata's key as a string"));
  }
  column.is_virtual = accept("VIRTUAL");
  return {};
}

// [COMMENT '…'] [PARTITIONED BY (…)] [WITH (…)] [LIKE t | AS query]
Result<> Parser::table_clauses(CreateTable& table) {
  if (accept("COMMENT")) {
    TRY(string_literal("a comment as a string"));
  }
  if (is("DISTRIBUTED")) return not_yet(peek().position, "DISTRIBUTED");
  if (accept("PARTITIONED")) {
    TRY(expect("BY"));
    TRY_ASSIGN(table.partitioned_by, names_in_parentheses("a column name"));
  }
  if (accept("WITH")) {
    TRY_ASSIGN(table.options, options());
  }
  if (accept("LIKE")) {
    TRY_ASSIGN(table.like, qualified_name("a table name"));
    if (is_symbol("(")) return not_yet(peek().position, "LIKE with options in parentheses");
  } else if (accept("AS")) {
    TRY_ASSIGN(table.as, query());
  }
  return {};
}

// [IF NOT EXISTS] name [(columns)] [COMMENT '…'] AS query
Result<CreateView> Parser::create_view(bool or_replace) {
  CreateView view;
  view.or_replace = or_replace;
  view.if_not_exists = accept_all({"IF", "NOT", "EXISTS"});
  TRY_ASSIGN(view.name, qualified_name("a view name"));
  if (accept_symbol("(")) {
    do {
      TRY_ASSIGN(view.columns.emplace_back(), identifier("a column name"));
      if (accept("COMMENT")) {
        TRY(string_literal("a comment as a string"));
      }
    } while (accept_symbol(","));
    TRY(expect_symbol(")"));
  }
  if (accept("COMMENT")) {
    TRY(string_literal("a comment as a string"));
  }
  TRY(expect("AS"));
  TRY_ASSIGN(view.query, query());
  return view;
}

// name [(column type [NOT NULL], …)] [DESCRIPTION '…'] [AS query]
Result<CreateStream> Parser::create_stream(bool or_replace) {
  CreateStream stream;
  stream.or_replace = or_replace;
  TRY_ASSIGN(stream.name, qualified_name("a stream name"));
  if (accept_symbol("(")) {
    do {
      ColumnDefinition column;
      TRY_ASSIGN(column.name, identifier("a column name"));
      TRY_ASSIGN(column.type, type());
      stream.columns.push_back(std::move(column));
    } while (accept_symbol(","));
    TRY(expect_symbol(")"));
  }
  if (accept("DESCRIPTION")) {
    TRY(string_literal("a description as a string"));
  }
  if (accept("AS")) {
    TRY_ASSIGN(stream.as, query());
  }
  if (stream.columns.empty() && !stream.as) return unexpected();
  return stream;
}

// name [STARTED] [DESCRIPTION '…'] AS INSERT INTO …
Result<CreatePump> Parser::create_pump(bool or_replace) {
  CreatePump pump;
  pump.or_replace = or_replace;
  TRY_ASSIGN(pump.name, qualified_name("a pump name"));
  if (is("STOPPED")) return not_yet(peek().position, "a pump created STOPPED");
  (void)accept("STARTED");
  if (accept("DESCRIPTION")) {
    TRY(string_literal("a description as a string"));
  }
  TRY(expect("AS"));
  TRY_ASSIGN(pump.insert, insert());
  return pump;
}

}  // namespace millstream::analytics::sql
