/* Functions, globals, tables, memories and instances. */
#include "check.h"

static wasm_trap_t* add(const wasm_val_vec_t* args, wasm_val_vec_t* results) {
  CHECK(args->size == 2 && results->size == 1 && results->data[0].of.i64 == 0);
  results->data[0] = i32(args->data[0].of.i32 + args->data[1].of.i32);
  return NULL;
}

typedef struct {
  wasm_func_t* call;
  int depth;
  int finalized;
} environment;

static void finalize(void* env) { ((environment*)env)->finalized++; }

/* Calls back into the program, on the way down. */
static wasm_trap_t* nested(void* env, const wasm_val_vec_t* args, wasm_val_vec_t* results) {
  environment* e = (environment*)env;
  wasm_val_t arg = i32(args->data[0].of.i32 - 1), result;
  wasm_val_vec_t as = vals(&arg, 1), rs = vals(&result, 1);
  e->depth++;
  if (args->data[0].of.i32 == 0) {
    results->data[0] = i32(1000);
    return NULL;
  }
  CHECK(wasm_func_call(e->call, &as, &rs) == NULL);
  results->data[0] = i32(result.of.i32 + 1);
  return NULL;
}

static void functions(wasm_store_t* store) {
  wasm_functype_t* type = wasm_functype_new_2_1(
    wasm_valtype_new_i32(), wasm_valtype_new_i32(), wasm_valtype_new_i32());
  wasm_func_t* func = wasm_func_new(store, type, add);
  wasm_functype_t* again = wasm_func_type(func);
  wasm_val_t as[2], r;
  wasm_val_vec_t args = vals(as, 2), results = vals(&r, 1), none = vals(NULL, 0);
  wasm_trap_t* trap;
  CHECK(wasm_func_param_arity(func) == 2 && wasm_func_result_arity(func) == 1);
  CHECK(wasm_functype_params(again)->size == 2);
  wasm_functype_delete(again);
  as[0] = i32(3);
  as[1] = i32(4);
  CHECK(wasm_func_call(func, &args, &results) == NULL);
  CHECK(r.kind == WASM_I32 && r.of.i32 == 7);
  CHECK(wasm_func_call(func, &args, &none) == NULL);
  trap = wasm_func_call(func, &none, &results);
  CHECK(trap_says(trap, "expected 2 arguments, got 0"));
  wasm_trap_delete(trap);
  trap = wasm_func_call(func, NULL, NULL);
  CHECK(trap_says(trap, "expected 2 arguments, got 0"));
  wasm_trap_delete(trap);
  results.size = 2;
  trap = wasm_func_call(func, &args, &results);
  CHECK(trap_says(trap, "expected 1 results, got 2"));
  wasm_trap_delete(trap);
  as[1] = i64(4);
  results.size = 1;
  trap = wasm_func_call(func, &args, &results);
  CHECK(trap_says(trap, "type mismatch"));
  wasm_trap_delete(trap);
  trap = wasm_func_call(NULL, &args, &results);
  CHECK(trap_says(trap, "the argument `function` is null"));
  wasm_trap_delete(trap);
  CHECK(wasm_func_new(NULL, type, add) == NULL);
  CHECK(wasm_func_new(store, NULL, add) == NULL);
  CHECK(wasm_func_new(store, type, NULL) == NULL);
  CHECK(wasm_func_type(NULL) == NULL && wasm_func_param_arity(NULL) == 0);
  wasm_functype_delete(type);
  wasm_func_delete(func);
}

static void host_functions_call_back(wasm_store_t* store, environment* env) {
  wasm_functype_t* type = wasm_functype_new_1_1(wasm_valtype_new_i32(), wasm_valtype_new_i32());
  wasm_func_t* func = wasm_func_new_with_env(store, type, nested, env, finalize);
  wasm_extern_t* import = wasm_func_as_extern(func);
  wasm_instance_t* instance = instance_of(store,
    "(module (import \"\" \"f\" (func $f (param i32) (result i32)))"
    "  (func (export \"g\") (param i32) (result i32) (i32.add (call $f (local.get 0)) (i32.const 1))))",
    &import, 1);
  wasm_extern_vec_t exports;
  wasm_val_t arg = i32(50), result;
  wasm_val_vec_t args = vals(&arg, 1), results = vals(&result, 1);
  wasm_instance_exports(instance, &exports);
  env->call = wasm_extern_as_func(exports.data[0]);
  CHECK(wasm_func_call(env->call, &args, &results) == NULL);
  CHECK(result.of.i32 == 1000 + 1 + 50 * 2 && env->depth == 51);
  wasm_functype_delete(type);
  wasm_func_delete(func);
  wasm_extern_vec_delete(&exports);
  wasm_instance_delete(instance);
  CHECK(env->finalized == 0);
}

/* More values than fit on the stack of the call. */
static wasm_trap_t* reverse(const wasm_val_vec_t* args, wasm_val_vec_t* results) {
  size_t i;
  for (i = 0; i < args->size; i++) results->data[i] = args->data[args->size - 1 - i];
  return NULL;
}

static void many_values(wasm_store_t* store) {
  enum { N = 40 };
  wasm_valtype_vec_t ps, rs;
  wasm_functype_t* type;
  wasm_func_t* func;
  wasm_val_t as[N], out[N];
  wasm_val_vec_t args = vals(as, N), results = vals(out, N);
  int i;
  wasm_valtype_vec_new_uninitialized(&ps, N);
  wasm_valtype_vec_new_uninitialized(&rs, N);
  for (i = 0; i < N; i++) {
    ps.data[i] = wasm_valtype_new_i64();
    rs.data[i] = wasm_valtype_new_i64();
    as[i] = i64(i);
  }
  type = wasm_functype_new(&ps, &rs);
  func = wasm_func_new(store, type, reverse);
  CHECK(wasm_func_call(func, &args, &results) == NULL);
  for (i = 0; i < N; i++) CHECK(out[i].kind == WASM_I64 && out[i].of.i64 == N - 1 - i);
  wasm_functype_delete(type);
  wasm_func_delete(func);
}

static void globals(wasm_store_t* store) {
  wasm_globaltype_t* type = wasm_globaltype_new(wasm_valtype_new_f64(), WASM_VAR);
  wasm_globaltype_t* constant = wasm_globaltype_new(wasm_valtype_new_i64(), WASM_CONST);
  wasm_globaltype_t* again;
  wasm_val_t value, got;
  wasm_global_t *global, *fixed;
  value.kind = WASM_F64;
  value.of.f64 = 1.5;
  global = wasm_global_new(store, type, &value);
  CHECK(wasm_global_new(store, constant, &value) == NULL);
  CHECK(wasm_global_new(store, type, NULL) == NULL);
  again = wasm_global_type(global);
  CHECK(wasm_globaltype_mutability(again) == WASM_VAR);
  wasm_globaltype_delete(again);
  value.of.f64 = 2.5;
  wasm_global_set(global, &value);
  wasm_global_get(global, &got);
  CHECK(got.kind == WASM_F64 && got.of.f64 == 2.5);
  value.kind = WASM_F32;
  value.of.f32 = 9;
  wasm_global_set(global, &value);
  wasm_global_get(global, &got);
  CHECK(got.of.f64 == 2.5);
  value = i64(1);
  fixed = wasm_global_new(store, constant, &value);
  value = i64(2);
  wasm_global_set(fixed, &value);
  wasm_global_get(fixed, &got);
  CHECK(got.of.i64 == 1);
  wasm_global_get(NULL, &got);
  CHECK(got.kind == WASM_I32 && got.of.i32 == 0);
  wasm_global_get(fixed, NULL);
  wasm_global_set(fixed, NULL);
  CHECK(wasm_global_type(NULL) == NULL);
  wasm_globaltype_delete(type);
  wasm_globaltype_delete(constant);
  wasm_global_delete(global);
  wasm_global_delete(fixed);
}

static void tables(wasm_store_t* store) {
  wasm_limits_t limits;
  wasm_tabletype_t *type, *again;
  wasm_table_t* table;
  wasm_functype_t* ft = wasm_functype_new_2_1(
    wasm_valtype_new_i32(), wasm_valtype_new_i32(), wasm_valtype_new_i32());
  wasm_func_t* func = wasm_func_new(store, ft, add);
  wasm_ref_t *ref, *foreign = wasm_foreign_as_ref(wasm_foreign_new(store));
  limits.min = 2;
  limits.max = 3;
  type = wasm_tabletype_new(wasm_valtype_new_funcref(), &limits);
  table = wasm_table_new(store, type, wasm_func_as_ref(func));
  CHECK(wasm_table_size(table) == 2);
  ref = wasm_table_get(table, 1);
  CHECK(wasm_ref_same(ref, wasm_func_as_ref(func)));
  wasm_ref_delete(ref);
  CHECK(wasm_table_set(table, 1, NULL));
  CHECK(wasm_table_get(table, 1) == NULL && wasm_table_get(table, 2) == NULL);
  CHECK(!wasm_table_set(table, 2, NULL));
  CHECK(!wasm_table_set(table, 0, foreign));
  CHECK(wasm_table_grow(table, 1, wasm_func_as_ref(func)));
  CHECK(!wasm_table_grow(table, 1, NULL));
  CHECK(wasm_table_size(table) == 3);
  again = wasm_table_type(table);
  CHECK(wasm_tabletype_limits(again)->min == 3 && wasm_tabletype_limits(again)->max == 3);
  CHECK(wasm_table_new(store, type, foreign) == NULL);
  CHECK(wasm_table_new(store, NULL, NULL) == NULL && wasm_table_get(NULL, 0) == NULL);
  CHECK(wasm_table_type(NULL) == NULL && wasm_table_size(NULL) == 0);
  wasm_tabletype_delete(again);
  wasm_tabletype_delete(type);
  wasm_table_delete(table);
  wasm_functype_delete(ft);
  wasm_func_delete(func);
  wasm_ref_delete(foreign);
}

static void memories(wasm_store_t* store) {
  wasm_limits_t limits;
  wasm_memorytype_t *type, *again;
  wasm_memory_t* memory;
  limits.min = 1;
  limits.max = 2;
  type = wasm_memorytype_new(&limits);
  memory = wasm_memory_new(store, type);
  CHECK(wasm_memory_size(memory) == 1 && wasm_memory_data_size(memory) == MEMORY_PAGE_SIZE);
  wasm_memory_data(memory)[65535] = 7;
  CHECK(wasm_memory_grow(memory, 1) && !wasm_memory_grow(memory, 1));
  CHECK(wasm_memory_size(memory) == 2 && wasm_memory_data(memory)[65535] == 7);
  again = wasm_memory_type(memory);
  CHECK(wasm_memorytype_limits(again)->min == 2);
  wasm_memorytype_delete(again);
  wasm_memorytype_delete(type);
  limits.min = 3;
  type = wasm_memorytype_new(&limits);
  CHECK(wasm_memory_new(store, type) == NULL);
  CHECK(wasm_memory_new(NULL, type) == NULL && wasm_memory_data(NULL) == NULL);
  CHECK(wasm_memory_type(NULL) == NULL && wasm_memory_data_size(NULL) == 0);
  CHECK(wasm_memory_size(NULL) == 0 && !wasm_memory_grow(NULL, 1));
  wasm_memorytype_delete(type);
  wasm_memory_delete(memory);
}

static void externs(wasm_store_t* store) {
  static const char* text =
    "(module (func (export \"f\")) (global (export \"g\") i32 (i32.const 1))"
    "  (table (export \"t\") 1 funcref) (memory (export \"m\") 1) (tag (export \"e\") (param i32)))";
  wasm_instance_t* instance = instance_of(store, text, NULL, 0);
  wasm_extern_vec_t exports, copy;
  size_t i;
  wasm_instance_exports(instance, &exports);
  CHECK(exports.size == 5);
  for (i = 0; i < 5; i++) {
    wasm_externtype_t* type = wasm_extern_type(exports.data[i]);
    CHECK(wasm_extern_kind(exports.data[i]) == i && wasm_externtype_kind(type) == i);
    wasm_externtype_delete(type);
    CHECK(wasm_ref_as_extern_const(wasm_extern_as_ref_const(exports.data[i])) == exports.data[i]);
  }
  wasm_extern_vec_copy(&copy, &exports);
  CHECK(copy.size == 5 && wasm_extern_same(copy.data[3], exports.data[3]));
  wasm_extern_vec_delete(&exports);
  wasm_extern_vec_new(&exports, 1, copy.data);
  CHECK(exports.data[0] == copy.data[0]);
  copy.data[0] = NULL;
  wasm_extern_vec_delete(&copy);
  wasm_extern_vec_delete(&exports);
  wasm_extern_vec_new_empty(&exports);
  wasm_extern_vec_new_uninitialized(&copy, 2);
  CHECK(copy.data[1] == NULL);
  wasm_extern_vec_delete(&copy);
  wasm_instance_exports(NULL, &exports);
  CHECK(exports.size == 0);
  CHECK(wasm_extern_type(NULL) == NULL && wasm_extern_kind(NULL) == 0);
  wasm_instance_delete(instance);
}

static void instances_that_cannot_be(wasm_store_t* store) {
  wasm_module_t* module = module_of(store, "(module (import \"\" \"f\" (func)))");
  wasm_module_t* starts = module_of(store, "(module (func unreachable) (start 0))");
  wasm_extern_vec_t none = WASM_EMPTY_VEC;
  wasm_trap_t* trap = NULL;
  wasm_val_t zero = i32(0);
  wasm_globaltype_t* type = wasm_globaltype_new(wasm_valtype_new_i32(), WASM_CONST);
  wasm_global_t* global = wasm_global_new(store, type, &zero);
  wasm_extern_t* import = wasm_global_as_extern(global);
  wasm_extern_vec_t wrong;
  wrong.size = 1;
  wrong.data = &import;
  CHECK(wasm_instance_new(store, module, &none, &trap) == NULL);
  CHECK(trap_says(trap, "expected 1 imports, got 0"));
  wasm_trap_delete(trap);
  CHECK(wasm_instance_new(store, module, &wrong, &trap) == NULL && trap != NULL);
  wasm_trap_delete(trap);
  import = NULL;
  CHECK(wasm_instance_new(store, module, &wrong, &trap) == NULL && trap != NULL);
  wasm_trap_delete(trap);
  CHECK(wasm_instance_new(store, starts, NULL, &trap) == NULL);
  CHECK(trap_says(trap, "unreachable"));
  wasm_trap_delete(trap);
  CHECK(wasm_instance_new(store, starts, &none, NULL) == NULL);
  CHECK(wasm_instance_new(NULL, starts, &none, NULL) == NULL);
  wasm_globaltype_delete(type);
  wasm_global_delete(global);
  wasm_module_delete(module);
  wasm_module_delete(starts);
}

int main(void) {
  wasm_config_t* config = wasm_config_new();
  wasm_engine_t* engine;
  wasm_store_t* store;
  environment env;
  env.depth = env.finalized = 0;
  wasm_config_delete(config);
  engine = wasm_engine_new_with_config(wasm_config_new());
  store = wasm_store_new(engine);
  functions(store);
  host_functions_call_back(store, &env);
  many_values(store);
  globals(store);
  tables(store);
  memories(store);
  externs(store);
  instances_that_cannot_be(store);
  wasm_store_delete(store);
  CHECK(env.finalized == 1);
  wasm_engine_delete(engine);
  CHECK(wasm_engine_new_with_config(NULL) == NULL && wasm_store_new(NULL) == NULL);
  puts("ok");
  return 0;
}
