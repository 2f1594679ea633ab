//! What instructions cost in fuel.
//!
//! The costs are part of what programs observe, so they never change under a version: docs/fuel.md has
//! the rules, and a test of their totals.

use wasmparser::Operator;

/// What instructions cost whose work depends on an operand, beside their cost in [`OperatorCost`]: so
/// much for each byte, page or element that the operand says, whether or not there are as many.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct VariableOperatorCost {
    /// `memory.copy`, per byte.
    pub memory_copy_per_byte: u8,
    /// `memory.fill`, per byte.
    pub memory_fill_per_byte: u8,
    /// `memory.init`, per byte.
    pub memory_init_per_byte: u8,
    /// `memory.grow`, per page.
    pub memory_grow_per_page: u8,
    /// `table.copy`, per element.
    pub table_copy_per_element: u8,
    /// `table.fill`, per element.
    pub table_fill_per_element: u8,
    /// `table.init`, per element.
    pub table_init_per_element: u8,
    /// `table.grow`, per element.
    pub table_grow_per_element: u8,
    /// `array.copy`, per element.
    pub array_copy_per_element: u8,
    /// `array.fill`, per element.
    pub array_fill_per_element: u8,
    /// `array.new_data`, per element.
    pub array_new_data_per_element: u8,
    /// `array.init_data`, per element.
    pub array_init_data_per_element: u8,
    /// `array.new_elem`, per element.
    pub array_new_elem_per_element: u8,
    /// `array.init_elem`, per element.
    pub array_init_elem_per_element: u8,
    /// `array.new_default`, per element.
    pub array_new_default_per_element: u8,
    /// `array.new`, per element.
    pub array_new_per_element: u8,
}

impl VariableOperatorCost {
    /// Version 1: 1 each, but for `memory.grow`, which is free.
    pub const fn new() -> VariableOperatorCost {
        VariableOperatorCost {
            memory_copy_per_byte: 1,
            memory_fill_per_byte: 1,
            memory_init_per_byte: 1,
            memory_grow_per_page: 0,
            table_copy_per_element: 1,
            table_fill_per_element: 1,
            table_init_per_element: 1,
            table_grow_per_element: 1,
            array_copy_per_element: 1,
            array_fill_per_element: 1,
            array_new_data_per_element: 1,
            array_init_data_per_element: 1,
            array_new_elem_per_element: 1,
            array_init_elem_per_element: 1,
            array_new_default_per_element: 1,
            array_new_per_element: 1,
        }
    }

    /// What each unit of an operator's last operand costs.
    pub(super) fn per_unit(&self, operator: &Operator<'_>) -> u8 {
        match operator {
            Operator::MemoryCopy { .. } => self.memory_copy_per_byte,
            Operator::MemoryFill { .. } => self.memory_fill_per_byte,
            Operator::MemoryInit { .. } => self.memory_init_per_byte,
            Operator::MemoryGrow { .. } => self.memory_grow_per_page,
            Operator::TableCopy { .. } => self.table_copy_per_element,
            Operator::TableFill { .. } => self.table_fill_per_element,
            Operator::TableInit { .. } => self.table_init_per_element,
            Operator::TableGrow { .. } => self.table_grow_per_element,
            Operator::ArrayCopy { .. } => self.array_copy_per_element,
            Operator::ArrayFill { .. } => self.array_fill_per_element,
            Operator::ArrayNewData { .. } => self.array_new_data_per_element,
            Operator::ArrayInitData { .. } => self.array_init_data_per_element,
            Operator::ArrayNewElem { .. } => self.array_new_elem_per_element,
            Operator::ArrayInitElem { .. } => self.array_init_elem_per_element,
            Operator::ArrayNewDefault { .. } => self.array_new_default_per_element,
            Operator::ArrayNew { .. } => self.array_new_per_element,
            _ => 0,
        }
    }
}

impl Default for VariableOperatorCost {
    fn default() -> VariableOperatorCost {
        VariableOperatorCost::new()
    }
}

/// Version 1 of the schedule: what costs nothing, and that everything else costs 1.
macro_rules! version_1 {
    (Nop) => {
        0
    };
    (Drop) => {
        0
    };
    (Block) => {
        0
    };
    (Loop) => {
        0
    };
    (Unreachable) => {
        0
    };
    (Return) => {
        0
    };
    (Else) => {
        0
    };
    (End) => {
        0
    };
    ($op:ident) => {
        1
    };
}

macro_rules! operator_cost {
    ($(@$proposal:ident $op:ident $({ $($arg:ident: $ty:ty),* })? => $visit:ident ($($ann:tt)*))*) => {
        /// What each instruction costs in fuel. Entering a function costs 1 besides.
        #[derive(Clone, PartialEq, Eq, Hash, Debug)]
        #[allow(missing_docs, non_snake_case, reason = "the instructions' names")]
        pub struct OperatorCost {
            $(pub $op: u8,)*
            /// What depends on an operand.
            pub variable: VariableOperatorCost,
        }

        impl OperatorCost {
            /// Version 1 of the schedule, as docs/fuel.md has it.
            pub const fn new() -> OperatorCost {
                OperatorCost {
                    $($op: version_1!($op),)*
                    variable: VariableOperatorCost::new(),
                }
            }

            /// What an operator costs, whatever its operands.
            pub(super) fn cost(&self, operator: &Operator<'_>) -> u8 {
                match operator {
                    $(Operator::$op $({ $($arg: _),* })? => self.$op,)*
                    // Validation knows all of them.
                    _ => 1,
                }
            }
        }
    };
}

wasmparser::for_each_operator!(operator_cost);

impl Default for OperatorCost {
    fn default() -> OperatorCost {
        OperatorCost::new()
    }
}
