/* A client of wasmtime.h, unchanged as it would be for wasmtime: what tree-sitter does to run a
 * grammar that is a WebAssembly module, function by function in its order. A library module gets a
 * memory, a table and globals that the host made, and offers an allocator; a second one, placed
 * behind it, scans text through function pointers to host functions that the host put in the table. */
#include "must.h"

#include <wasmtime.h>

typedef struct {
  wasm_engine_t* engine;
  wasmtime_store_t* store;
  wasmtime_memory_t memory;
  wasmtime_table_t table;
  wasmtime_global_t stack_pointer;
  wasmtime_func_t malloc_func, reset_heap;
  const char* input;
  uint32_t position;
  uint32_t lexer_address;
} host;

/* The scanner's lexer in its memory: what is next, then function pointers. */
enum { LOOKAHEAD = 0, ADVANCE = 4, AT_END = 8, LEXER_SIZE = 12 };

static wasmtime_val_t i32(int32_t value) {
  wasmtime_val_t val;
  val.kind = WASMTIME_I32;
  val.of.i32 = value;
  return val;
}

static void show_lookahead(host* self, wasmtime_context_t* context) {
  int32_t next = (unsigned char)self->input[self->position];
  memcpy(wasmtime_memory_data(context, &self->memory) + self->lexer_address + LOOKAHEAD, &next, 4);
}

static wasm_trap_t* advance(
  void* env, wasmtime_caller_t* caller, wasmtime_val_raw_t* values, size_t count
) {
  host* self = (host*)env;
  wasmtime_context_t* context = wasmtime_caller_context(caller);
  CHECK(count == 2 && (uint32_t)values[0].i32 == self->lexer_address);
  CHECK(context == wasmtime_store_context(self->store));
  self->position++;
  show_lookahead(self, context);
  return NULL;
}

static wasm_trap_t* at_end(
  void* env, wasmtime_caller_t* caller, wasmtime_val_raw_t* values, size_t count
) {
  host* self = (host*)env;
  (void)caller;
  CHECK(count == 1);
  values[0].i32 = self->input[self->position] == 0;
  return NULL;
}

static wasm_trap_t* give_up(
  void* env, wasmtime_caller_t* caller, wasmtime_val_raw_t* values, size_t count
) {
  static const char message[] = "wasm module called abort";
  (void)env; (void)caller; (void)values; (void)count;
  return wasmtime_trap_new(message, sizeof(message) - 1);
}

static const char* library =
  "(module (import \"env\" \"memory\" (memory 2))"
  "  (import \"env\" \"__stack_pointer\" (global $sp (mut i32)))"
  "  (import \"env\" \"abort\" (func $abort))"
  "  (global $heap (mut i32) (i32.const 4096))"
  "  (func (export \"_initialize\") (global.set $sp (i32.const 4096)))"
  "  (func (export \"malloc\") (param i32) (result i32)"
  "    (global.get $heap)"
  "    (global.set $heap (i32.add (global.get $heap) (local.get 0)))"
  "    (if (i32.gt_u (global.get $heap) (i32.mul (memory.size) (i32.const 65536)))"
  "      (then (call $abort))))"
  "  (func (export \"reset_heap\") (param i32) (global.set $heap (local.get 0))))";

static const char* scanner =
  "(module (import \"env\" \"memory\" (memory 2))"
  "  (import \"env\" \"__indirect_function_table\" (table $t 1 funcref))"
  "  (import \"env\" \"__memory_base\" (global $base i32))"
  "  (import \"env\" \"__table_base\" (global $table i32))"
  "  (import \"env\" \"malloc\" (func $malloc (param i32) (result i32)))"
  "  (type $advance (func (param i32 i32))) (type $at_end (func (param i32) (result i32)))"
  "  (data (global.get $base) \"\\2a\\00\\00\\00\")"
  "  (elem (global.get $table) func $unused)"
  "  (func $unused)"
  "  (global $relocated (mut i32) (i32.const 0))"
  "  (func (export \"__wasm_apply_data_relocs\") (global.set $relocated (i32.const 1)))"
  "  (func (export \"tree_sitter_test\") (result i32) (global.get $base))"
  "  (func (export \"create\") (result i32) (call $malloc (i32.const 16)))"
  "  (func (export \"scan\") (param $scanner i32) (param $lexer i32) (result i32)"
  "    (if (i32.eqz (global.get $relocated)) (then unreachable))"
  "    (loop $next"
  "      (if (call_indirect $t (type $at_end) (local.get $lexer) (i32.load offset=8 (local.get $lexer)))"
  "        (then (return (i32.load (local.get $scanner)))))"
  "      (i32.store (local.get $scanner)"
  "        (i32.add (i32.load (local.get $scanner)) (i32.load (local.get $lexer))))"
  "      (call_indirect $t (type $advance) (local.get $lexer) (i32.const 0)"
  "        (i32.load offset=4 (local.get $lexer)))"
  "      (br $next))"
  "    unreachable))";

static wasmtime_module_t* compile(host* self, const char* text) {
  wasm_byte_vec_t binary;
  wasmtime_module_t* module = NULL;
  CHECK(wasmtime_wat2wasm(text, strlen(text), &binary) == NULL);
  CHECK(wasmtime_module_new(self->engine, (const uint8_t*)binary.data, binary.size, &module) == NULL);
  wasm_byte_vec_delete(&binary);
  return module;
}

static bool is(const wasm_name_t* name, const char* text) {
  return name->size == strlen(text) && memcmp(name->data, text, name->size) == 0;
}

static wasmtime_instance_t instantiate(
  host* self, wasmtime_module_t* module, wasmtime_func_t abort_func, int32_t memory_base,
  int32_t table_base
) {
  wasmtime_context_t* context = wasmtime_store_context(self->store);
  wasm_globaltype_t* type = wasm_globaltype_new(wasm_valtype_new_i32(), WASM_CONST);
  wasm_importtype_vec_t types;
  wasmtime_extern_t imports[8];
  wasmtime_instance_t instance;
  wasm_trap_t* trap = NULL;
  size_t i;
  wasmtime_module_imports(module, &types);
  for (i = 0; i < types.size; i++) {
    const wasm_name_t* name = wasm_importtype_name(types.data[i]);
    wasmtime_val_t base;
    imports[i].kind = WASMTIME_EXTERN_GLOBAL;
    if (is(name, "memory")) {
      imports[i].kind = WASMTIME_EXTERN_MEMORY;
      imports[i].of.memory = self->memory;
    } else if (is(name, "__indirect_function_table")) {
      imports[i].kind = WASMTIME_EXTERN_TABLE;
      imports[i].of.table = self->table;
    } else if (is(name, "__stack_pointer")) {
      imports[i].of.global = self->stack_pointer;
    } else if (is(name, "abort") || is(name, "malloc")) {
      imports[i].kind = WASMTIME_EXTERN_FUNC;
      imports[i].of.func = is(name, "abort") ? abort_func : self->malloc_func;
    } else {
      base = i32(is(name, "__memory_base") ? memory_base : table_base);
      CHECK(wasmtime_global_new(context, type, &base, &imports[i].of.global) == NULL);
    }
  }
  CHECK(wasmtime_instance_new(context, module, imports, types.size, &instance, &trap) == NULL);
  CHECK(trap == NULL);
  wasm_importtype_vec_delete(&types);
  wasm_globaltype_delete(type);
  return instance;
}

/* Calls what initialises a module and finds its functions by name. */
static void find_exports(
  host* self, wasmtime_module_t* module, wasmtime_instance_t* instance, const char** names,
  wasmtime_func_t* funcs, size_t count
) {
  wasmtime_context_t* context = wasmtime_store_context(self->store);
  wasm_exporttype_vec_t types;
  wasm_trap_t* trap = NULL;
  size_t i, j, length;
  char* name;
  wasmtime_extern_t item;
  for (i = 0; i < count; i++) funcs[i].store_id = 0;
  wasmtime_module_exports(module, &types);
  for (i = 0; i < types.size; i++) {
    CHECK(wasmtime_instance_export_nth(context, instance, i, &name, &length, &item));
    if (item.kind != WASMTIME_EXTERN_FUNC) continue;
    if (is(wasm_exporttype_name(types.data[i]), "_initialize") ||
        is(wasm_exporttype_name(types.data[i]), "__wasm_apply_data_relocs")) {
      CHECK(wasmtime_func_call(context, &item.of.func, NULL, 0, NULL, 0, &trap) == NULL);
      CHECK(trap == NULL);
    }
    for (j = 0; j < count; j++) {
      if (length == strlen(names[j]) && memcmp(name, names[j], length) == 0) funcs[j] = item.of.func;
    }
  }
  CHECK(!wasmtime_instance_export_nth(context, instance, i, &name, &length, &item));
  for (i = 0; i < count; i++) CHECK(funcs[i].store_id != 0);
  wasm_exporttype_vec_delete(&types);
}

/* Two numbers and no result, from vectors, as the library makes types that the header has no function for. */
static wasm_functype_t* two_numbers(void) {
  wasm_valtype_t* types[] = {wasm_valtype_new_i32(), wasm_valtype_new_i32()};
  wasm_valtype_vec_t params, results;
  wasm_valtype_vec_new(&params, 2, types);
  wasm_valtype_vec_new_empty(&results);
  return wasm_functype_new(&params, &results);
}

static wasmtime_func_t host_function(
  host* self, wasm_functype_t* type, wasmtime_func_unchecked_callback_t callback
) {
  wasmtime_func_t func;
  wasmtime_func_new_unchecked(
    wasmtime_store_context(self->store), type, callback, self, NULL, &func);
  wasm_functype_delete(type);
  return func;
}

int main(void) {
  host self;
  wasmtime_context_t* context;
  wasmtime_module_t *library_module, *scanner_module;
  wasmtime_instance_t instance;
  wasm_importtype_vec_t types;
  const wasm_memorytype_t* wanted;
  wasm_limits_t limits;
  wasm_memorytype_t* memory_type;
  wasm_tabletype_t* table_type;
  wasm_globaltype_t* global_type;
  wasmtime_val_t value;
  wasmtime_func_t abort_func, lexer[2], funcs[3];
  wasmtime_val_raw_t args[2];
  wasmtime_error_t* error;
  wasm_trap_t* trap = NULL;
  wasm_message_t message;
  uint64_t before;
  int32_t index, round;
  const char* library_names[2] = {"malloc", "reset_heap"};
  const char* scanner_names[3] = {"tree_sitter_test", "create", "scan"};
  wasm_engine_t* engine = wasm_engine_new();
  memset(&self, 0, sizeof(self));
  self.engine = wasmtime_engine_clone(engine);
  wasm_engine_delete(engine);
  self.store = wasmtime_store_new(self.engine, &self, NULL);
  context = wasmtime_store_context(self.store);

  abort_func = host_function(&self, wasm_functype_new_0_0(), give_up);
  lexer[0] = host_function(&self, two_numbers(), advance);
  lexer[1] = host_function(
    &self, wasm_functype_new_1_1(wasm_valtype_new_i32(), wasm_valtype_new_i32()), at_end);

  library_module = compile(&self, library);
  wasmtime_module_imports(library_module, &types);
  wanted = wasm_externtype_as_memorytype_const(wasm_importtype_type(types.data[0]));
  limits.min = (uint32_t)wasmtime_memorytype_minimum(wanted);
  limits.max = 65536 / 2;
  wasm_importtype_vec_delete(&types);
  memory_type = wasm_memorytype_new(&limits);
  CHECK(limits.min == 2 && wasmtime_memory_new(context, memory_type, &self.memory) == NULL);
  wasm_memorytype_delete(memory_type);
  limits.min = 1;
  limits.max = wasm_limits_max_default;
  table_type = wasm_tabletype_new(wasm_valtype_new(WASM_FUNCREF), &limits);
  memset(&value, 0, sizeof(value));
  value.kind = WASMTIME_FUNCREF;
  CHECK(wasmtime_table_new(context, table_type, &value, &self.table) == NULL);
  wasm_tabletype_delete(table_type);
  global_type = wasm_globaltype_new(wasm_valtype_new_i32(), WASM_VAR);
  value = i32(0);
  CHECK(wasmtime_global_new(context, global_type, &value, &self.stack_pointer) == NULL);
  wasm_globaltype_delete(global_type);
  instance = instantiate(&self, library_module, abort_func, 0, 0);
  find_exports(&self, library_module, &instance, library_names, funcs, 2);
  self.malloc_func = funcs[0];
  self.reset_heap = funcs[1];
  wasmtime_module_delete(library_module);

  /* The lexer, in memory that the program allocates, with pointers to host functions. */
  args[0].i32 = LEXER_SIZE;
  error = wasmtime_func_call_unchecked(context, &self.malloc_func, args, 1, &trap);
  CHECK(error == NULL && trap == NULL);
  self.lexer_address = (uint32_t)args[0].i32;
  value.kind = WASMTIME_FUNCREF;
  value.of.funcref = lexer[0];
  CHECK(wasmtime_table_grow(context, &self.table, 2, &value, &before) == NULL && before == 1);
  value.of.funcref = lexer[1];
  CHECK(wasmtime_table_set(context, &self.table, 2, &value) == NULL);
  CHECK(wasmtime_table_get(context, &self.table, 2, &value) && value.of.funcref.store_id != 0);
  for (index = 1; index <= 2; index++) {
    memcpy(wasmtime_memory_data(context, &self.memory) + self.lexer_address + 4 * index, &index, 4);
  }

  /* A grammar behind it. */
  scanner_module = compile(&self, scanner);
  value.kind = WASMTIME_FUNCREF;
  value.of.funcref.store_id = 0;
  CHECK(wasmtime_table_grow(context, &self.table, 1, &value, &before) == NULL && before == 3);
  CHECK(wasmtime_memory_grow(context, &self.memory, 1, &before) == NULL && before == 2);
  instance = instantiate(&self, scanner_module, abort_func, 131072, 3);
  find_exports(&self, scanner_module, &instance, scanner_names, funcs, 3);
  wasmtime_module_delete(scanner_module);
  CHECK(wasmtime_func_call(context, &funcs[0], NULL, 0, &value, 1, &trap) == NULL && trap == NULL);
  CHECK(value.kind == WASMTIME_I32 && value.of.i32 == 131072);
  CHECK(wasmtime_memory_data_size(context, &self.memory) == 3 * 65536);
  memcpy(&index, wasmtime_memory_data(context, &self.memory) + value.of.i32, 4);
  CHECK(index == 42);

  for (round = 0; round < 3; round++) {
    args[0].i32 = 4096 + LEXER_SIZE;
    error = wasmtime_func_call_unchecked(context, &self.reset_heap, args, 1, &trap);
    CHECK(error == NULL && trap == NULL);
    error = wasmtime_func_call_unchecked(context, &funcs[1], args, 1, &trap);
    CHECK(error == NULL && trap == NULL);
    memset(wasmtime_memory_data(context, &self.memory) + args[0].i32, 0, 4);
    self.input = "abc";
    self.position = 0;
    show_lookahead(&self, context);
    args[1].i32 = (int32_t)self.lexer_address;
    error = wasmtime_func_call_unchecked(context, &funcs[2], args, 2, &trap);
    CHECK(error == NULL && trap == NULL && args[0].i32 == 'a' + 'b' + 'c' && self.position == 3);
  }

  /* A grammar that gives up. */
  args[0].i32 = 1 << 24;
  error = wasmtime_func_call_unchecked(context, &self.malloc_func, args, 1, &trap);
  CHECK((error != NULL) != (trap != NULL));
  if (error != NULL) {
    wasmtime_error_message(error, &message);
    wasmtime_error_delete(error);
  } else {
    wasm_trap_message(trap, &message);
    wasm_trap_delete(trap);
  }
  CHECK(message.size >= 24);
  wasm_byte_vec_delete(&message);
  wasmtime_store_delete(self.store);
  wasm_engine_delete(self.engine);
  puts("ok");
  return 0;
}
